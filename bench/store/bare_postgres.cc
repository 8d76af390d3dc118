// The limits: the same rows into bare.events, a table with the columns and indexes of penstock.events,
// without streams, expected versions, known ids, or one order of all commits.
#include <atomic>
#include <cstring>
#include <thread>
#include <vector>

#include "bench/commands.h"
#include "bench/postgres.h"
#include "bench/store/load.h"

namespace penstock::bench {
namespace {

constexpr const char* kColumns =
    "position, version, occurred_at, recorded_at, id, stream, category, type, content_type, metadata, data";
constexpr std::int64_t kMicrosecondsTo2000 = 946'684'800'000'000;

// COPY in binary, one row after the other.
class CopyBuffer {
 public:
  CopyBuffer() {
    bytes_.assign("PGCOPY\n\377\r\n\0", 11);
    number(0, 4);
    number(0, 4);
  }
  void begin_row(int columns) { number(columns, 2); }
  void field(std::string_view bytes) {
    number(static_cast<std::int64_t>(bytes.size()), 4);
    bytes_ += bytes;
  }
  void field(std::int64_t value) {
    number(8, 4);
    number(value, 8);
  }
  const std::string& end() {
    number(-1, 2);
    return bytes_;
  }

 private:
  void number(std::int64_t value, int size) {
    for (int shift = 8 * (size - 1); shift >= 0; shift -= 8) bytes_ += static_cast<char>(value >> shift);
  }
  std::string bytes_;
};

std::string_view bytes_of(const EventId& id) {
  return {reinterpret_cast<const char*>(id.bytes().data()), id.bytes().size()};
}

std::int64_t first_free_position(PGconn* connection) {
  const ResultSet found = checked(
      connection, PQexec(connection, "SELECT coalesce(max(position), 0) + 1 FROM bare.events"), PGRES_TUPLES_OK);
  return std::stoll(PQgetvalue(found.get(), 0, 0));
}

}  // namespace

int copy_into_bare_table(const Arguments& arguments) {
  const AppendLoad load(arguments);
  const Connection connection = connect(arguments.text("url"));
  PGconn* const raw = connection.get();
  std::int64_t position = first_free_position(raw);
  const std::int64_t last = position + load.events - 1;
  const std::string copy = std::string("COPY bare.events (") + kColumns + ") FROM STDIN (FORMAT binary)";
  Stopwatch watch;
  for (std::int64_t request = 0; position <= last; ++request) {
    const auto asked = Stopwatch::Clock::now();
    const std::string stream = load.stream_of(request);
    const std::int64_t now =
        std::chrono::duration_cast<std::chrono::microseconds>(SystemClock().wall_now().time_since_epoch()).count() -
        kMicrosecondsTo2000;
    CopyBuffer rows;
    for (std::int64_t i = 0; i < load.batch && position <= last; ++i, ++position) {
      rows.begin_row(11);
      for (const std::int64_t value : {position, position, now, now}) rows.field(value);
      const EventId id = next_id();
      rows.field(bytes_of(id));
      for (const std::string_view text :
           {std::string_view(stream), std::string_view(kCategory), std::string_view(kType),
            std::string_view(kContentType), std::string_view("{}"), std::string_view(load.payload)})
        rows.field(text);
    }
    checked(raw, PQexec(raw, copy.c_str()), PGRES_COPY_IN);
    const std::string& bytes = rows.end();
    if (PQputCopyData(raw, bytes.data(), static_cast<int>(bytes.size())) != 1 || PQputCopyEnd(raw, nullptr) != 1)
      throw std::runtime_error(PQerrorMessage(raw));
    checked(raw, PQgetResult(raw), PGRES_COMMAND_OK);
    ResultSet(PQgetResult(raw));
    watch.answered(asked);
  }
  watch.print(load.events);
  return 0;
}

void insert_from_many_clients(const std::string& url, const std::string& sql, const AppendLoad& load,
                              Stopwatch& watch) {
  std::atomic<std::int64_t> next{0};
  std::mutex mutex;
  std::string failure;
  {
    std::vector<std::jthread> clients;
    for (std::size_t client = 0; client < load.clients; ++client) {
      clients.emplace_back([&] {
        try {
          const Connection connection = connect(url);
          checked(connection.get(), PQprepare(connection.get(), "put", sql.c_str(), 3, nullptr), PGRES_COMMAND_OK);
          for (std::int64_t number; (number = next++) < load.events;) {
            const std::string stream = load.stream_of(number), id = next_id().to_string();
            const char* values[] = {stream.c_str(), load.payload.c_str(), id.c_str()};
            const int lengths[] = {0, static_cast<int>(load.payload.size()), 0};
            const int formats[] = {0, 1, 0};
            const auto asked = Stopwatch::Clock::now();
            const ResultSet done(PQexecPrepared(connection.get(), "put", 3, values, lengths, formats, 0));
            const auto status = PQresultStatus(done.get());
            if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
              throw std::runtime_error(PQerrorMessage(connection.get()));
            watch.answered(asked);
          }
        } catch (const std::exception& error) {
          const std::lock_guard lock(mutex);
          failure = error.what();
        }
      });
    }
  }
  if (!failure.empty()) throw std::runtime_error(failure);
}

namespace {

int insert_bare(const Arguments& arguments, const std::string& before_values, const std::string& after_values) {
  const AppendLoad load(arguments);
  Stopwatch watch;
  insert_from_many_clients(arguments.text("url"),
                           before_values + std::string("INSERT INTO bare.events (") + kColumns +
                               ") SELECT n.number, n.number, clock_timestamp(), clock_timestamp(), $3::uuid, $1::text,"
                               " 'order', 'OrderPlaced', 'application/json', '{}', $2::bytea FROM " +
                               after_values,
                           load, watch);
  watch.print(load.events);
  return 0;
}

}  // namespace

int insert_into_bare_table(const Arguments& arguments) {
  return insert_bare(arguments, "", "(SELECT nextval('bare.positions') AS number) n");
}

int insert_under_one_lock(const Arguments& arguments) {
  // The lock is held until the commit is on the disk; only then does the next one draw its number.
  return insert_bare(arguments, "WITH locked AS MATERIALIZED (SELECT pg_advisory_xact_lock(1)) ",
                     "locked, LATERAL (SELECT nextval('bare.positions') AS number FROM (SELECT locked) l) n");
}

int copy_out_of_store(const Arguments& arguments) {
  const Connection connection = connect(arguments.text("url"));
  const std::string copy =
      std::string("COPY (SELECT ") + kColumns + " FROM penstock.events ORDER BY position) TO STDOUT (FORMAT binary)";
  Stopwatch watch;
  checked(connection.get(), PQexec(connection.get(), copy.c_str()), PGRES_COPY_OUT);
  std::int64_t rows = -1;  // the end is a row too
  char* row = nullptr;
  for (; PQgetCopyData(connection.get(), &row, 0) > 0; PQfreemem(row)) ++rows;
  checked(connection.get(), PQgetResult(connection.get()), PGRES_COMMAND_OK);
  watch.print(rows);
  return 0;
}

}  // namespace penstock::bench
