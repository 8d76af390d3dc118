// A table, sources that read it, and writers that keep their transactions open.
#pragma once

#include <gtest/gtest.h>
#include <libpq-fe.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/support/postgres_outbox.h"

namespace penstock::tests {

inline constexpr connectors::ReadRoom kMuchRoom{1'000, 16 << 20, connectors::ReadRoom::Window::kEmpty};

// A session of a service: what it says between BEGIN and COMMIT stays open as long as it likes.
class Writer {
 public:
  explicit Writer(const std::string& url) : connection_(PQconnectdb(url.c_str())) {}
  ~Writer() { PQfinish(connection_); }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  std::string run(const std::string& sql) {
    const std::unique_ptr<PGresult, decltype(&PQclear)> result(PQexec(connection_, sql.c_str()), PQclear);
    const auto status = PQresultStatus(result.get());
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) throw std::runtime_error(PQerrorMessage(connection_));
    return PQntuples(result.get()) > 0 ? PQgetvalue(result.get(), 0, 0) : "";
  }
  void insert(std::string_view key, int number) {
    run("INSERT INTO shop.outbox(aggregatetype, aggregateid, type, payload) VALUES ('order', '" + std::string(key) +
        "', 'counted', '" + std::to_string(number) + "')");
  }

 private:
  PGconn* connection_;
};

class OutboxTest : public testing::Test {
 protected:
  void SetUp() override {
    PENSTOCK_NEEDS(Server::kPostgres);
    outbox_ = std::make_unique<PostgresOutbox>();
  }
  // A table with further columns.
  void use(std::string_view columns, FreshDatabase::Encoding encoding = FreshDatabase::Encoding::kUtf8) {
    outbox_ = std::make_unique<PostgresOutbox>(columns, encoding);
  }

  // A table with partitions for the days 1 and 2. `more`: further columns, and the key.
  void use_partitions(const std::string& more) {
    outbox_->execute(
        "DROP TABLE shop.outbox; CREATE TABLE shop.outbox (seq bigint GENERATED ALWAYS AS IDENTITY, id uuid NOT NULL"
        " DEFAULT gen_random_uuid(), aggregatetype text NOT NULL, aggregateid text NOT NULL, type text NOT NULL,"
        " payload jsonb, day int NOT NULL" +
        more +
        ") PARTITION BY LIST (day);"
        " CREATE TABLE shop.day1 PARTITION OF shop.outbox FOR VALUES IN (1);"
        " CREATE TABLE shop.day2 PARTITION OF shop.outbox FOR VALUES IN (2)");
  }
  static std::string insert_on_day_statement(int number, int day) {
    return "INSERT INTO shop.outbox (aggregatetype, aggregateid, type, payload, day) VALUES ('order', 'a', 'x', '" +
           std::to_string(number) + "', " + std::to_string(day) + ")";
  }
  void insert_on_day(int number, int day) { outbox_->execute(insert_on_day_statement(number, day)); }

  PostgresOutbox& outbox() { return *outbox_; }
  std::unique_ptr<Writer> writer() { return std::make_unique<Writer>(outbox_->url()); }

  std::unique_ptr<connectors::Source> open(const connectors::OpenRequest& request = {}) {
    auto source = outbox_->make_source();
    const auto opened = source->open(request, Deadline::in(std::chrono::seconds(10)), {});
    EXPECT_TRUE(opened) << opened.error().describe();
    return source;
  }
  Status try_open() { return outbox_->make_source()->open({}, Deadline::in(std::chrono::seconds(10)), {}); }

  static std::vector<connectors::ReadItem> read(connectors::Source& source,
                                                const connectors::ReadRoom& room = kMuchRoom) {
    auto batch = source.read(room, Deadline::in(std::chrono::seconds(0)), {});
    EXPECT_TRUE(batch) << batch.error().describe();
    return batch ? std::move(batch->items) : std::vector<connectors::ReadItem>();
  }
  // Of a source that listens, which may have to wait from then on.
  static void poll_first(connectors::Source& source) {
    while (source.figures().reads == 0)
      ASSERT_TRUE(source.read(kMuchRoom, Deadline::in(std::chrono::milliseconds(20)), {}));
  }
  // Reads until `count` items have come, or ten seconds have passed.
  static std::vector<connectors::ReadItem> read_until(connectors::Source& source, std::size_t count) {
    std::vector<connectors::ReadItem> items;
    const auto deadline = Deadline::in(std::chrono::seconds(10));
    while (items.size() < count && !deadline.expired())
      for (auto& item : read(source)) items.push_back(std::move(item));
    return items;
  }
  // The data of the events, separated by blanks; a malformed row is `!`.
  static std::string data_of(const std::vector<connectors::ReadItem>& items) {
    std::string text;
    for (const auto& item : items)
      text.append(text.empty() ? "" : " ").append(item.malformed ? "!" : std::string(item.event->data.value_or("-")));
    return text;
  }
  static std::string code_of(const Status& status) { return status ? "ok" : std::string(status.error().code().name); }

 private:
  std::unique_ptr<PostgresOutbox> outbox_;
};

}  // namespace penstock::tests
