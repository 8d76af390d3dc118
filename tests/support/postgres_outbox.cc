#include "tests/support/postgres_outbox.h"

namespace penstock::tests {

PostgresOutbox::PostgresOutbox(std::string_view columns, FreshDatabase::Encoding encoding) : database_(encoding) {
  execute(
      "CREATE SCHEMA shop; CREATE TABLE shop.outbox (seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
      " id uuid DEFAULT gen_random_uuid(), aggregatetype varchar(255), aggregateid varchar(255),"
      " type varchar(255), payload jsonb" +
      std::string(columns) + ")");
  settings_.source_name = "orders";
  settings_.url = Secret(database_.url());
  settings_.table = {"shop", "outbox"};
  settings_.order_by = "seq";
  settings_.columns = outbox::columns_of(*outbox::find_profile("debezium"));
}

std::unique_ptr<connectors::Source> PostgresOutbox::make_source(outbox::SourceSessions* sessions) {
  return outbox::make_outbox_source(settings_, checkpoints_, gaps_, surroundings_, sessions);
}

std::unique_ptr<outbox::OutboxTable> PostgresOutbox::make_table() {
  return outbox::make_postgres_table(settings_, surroundings_);
}

void PostgresOutbox::insert(std::string_view key, int number, std::string_view type) {
  execute("INSERT INTO shop.outbox(aggregatetype, aggregateid, type, payload) VALUES ('order', '" + std::string(key) +
          "', '" + std::string(type) + "', '" + std::to_string(number) + "')");
}

void PostgresOutbox::insert_many(int count, int bytes) {
  execute(
      "INSERT INTO shop.outbox(aggregatetype, aggregateid, type, payload) SELECT 'order', (i % 100)::text,"
      " 'counted', to_jsonb(repeat('x', " +
      std::to_string(bytes) + ")) FROM generate_series(1, " + std::to_string(count) + ") i");
}

std::size_t PostgresOutbox::rows() const { return std::stoul(value("SELECT count(*) FROM shop.outbox")); }

}  // namespace penstock::tests
