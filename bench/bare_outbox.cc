// A loop of DELETE … RETURNING in batches. It deletes before the broker has acknowledged, so a crash
// loses events: a limit, not a design.
#include <iostream>

#include "bench/bare_producer.h"
#include "bench/commands.h"
#include "bench/postgres.h"

namespace penstock::bench {
namespace {

// Ascending, though DELETE itself promises no order.
std::string statement(const std::string& table) {
  return "WITH gone AS (DELETE FROM " + table + " WHERE seq IN (SELECT seq FROM " + table +
         " ORDER BY seq LIMIT $1::bigint) RETURNING seq, id, aggregatetype, aggregateid, type, payload::text, "
         "created_at)"
         " SELECT * FROM gone ORDER BY seq";
}

std::string_view field(PGresult* rows, int row, int column) {
  return {PQgetvalue(rows, row, column), static_cast<std::size_t>(PQgetlength(rows, row, column))};
}

void produce(BareProducer& producer, PGresult* rows, int row) {
  const std::string stream = std::string(field(rows, row, 2)).append("-").append(field(rows, row, 3));
  const std::string seq = std::to_string(number_in(field(rows, row, 0)));
  producer.produce({.key = field(rows, row, 3),
                    .type = field(rows, row, 4),
                    .stream = stream,
                    .content_type = "application/json",
                    .value = field(rows, row, 5),
                    .id = id_in(field(rows, row, 1)),
                    .occurred_at = timestamp_in(field(rows, row, 6)),
                    .version = {},
                    .position = {},
                    .source_position = seq});
}

}  // namespace

int run_bare_outbox(const Arguments& arguments) {
  BareProducer producer(arguments.text("brokers"), arguments.text("topic"), arguments.number("linger"));
  const Connection connection = connect(arguments.text("url"));
  const std::string text = statement(arguments.text("table"));
  checked(connection.get(), PQprepare(connection.get(), "take", text.c_str(), 1, nullptr), PGRES_COMMAND_OK);
  const std::string batch = std::to_string(arguments.number("batch"));
  const char* values[] = {batch.c_str()};
  std::int64_t events = 0;
  for (;;) {
    const ResultSet rows = checked(
        connection.get(), PQexecPrepared(connection.get(), "take", 1, values, nullptr, nullptr, 1), PGRES_TUPLES_OK);
    const int count = PQntuples(rows.get());
    if (count == 0) break;
    for (int row = 0; row < count; ++row) produce(producer, rows.get(), row);
    events += count;
  }
  producer.finish();
  std::cout << "{\"events\": " << events << "}\n";
  return 0;
}

}  // namespace penstock::bench
