// One COPY of every event in binary, straight into librdkafka.
#include <array>
#include <iostream>

#include "bench/bare_producer.h"
#include "bench/commands.h"
#include "bench/postgres.h"
#include "core/event.h"

namespace penstock::bench {
namespace {

constexpr const char* kCopy =
    "COPY (SELECT position, version, occurred_at, id, stream, category, type, content_type, data"
    " FROM penstock.events ORDER BY position) TO STDOUT (FORMAT binary)";
constexpr std::size_t kColumns = 9;
constexpr int kCopyHeaderBytes = 19;

// The fields of one row; an empty view for null.
std::array<std::string_view, kColumns> fields_of(const char* row) {
  std::array<std::string_view, kColumns> fields;
  row += 2;
  for (auto& field : fields) {
    const auto size = static_cast<std::int32_t>(big_endian(row, 4));
    row += 4;
    if (size < 0) continue;
    field = {row, static_cast<std::size_t>(size)};
    row += size;
  }
  return fields;
}

BareRecord record_of(const std::array<std::string_view, kColumns>& fields) {
  return {.key = key_of(fields[4], fields[5]),
          .type = fields[6],
          .stream = fields[4],
          .content_type = fields[7],
          .value = fields[8],
          .id = id_in(fields[3]),
          .occurred_at = timestamp_in(fields[2]),
          .version = number_in(fields[1]),
          .position = number_in(fields[0]),
          .source_position = {}};
}

}  // namespace

int run_bare_store(const Arguments& arguments) {
  BareProducer producer(arguments.text("brokers"), arguments.text("topic"), arguments.number("linger"));
  const Connection connection = connect(arguments.text("url"));
  checked(connection.get(), PQexec(connection.get(), kCopy), PGRES_COPY_OUT);
  std::int64_t events = 0;
  char* row = nullptr;
  for (int size; (size = PQgetCopyData(connection.get(), &row, 0)) > 0; PQfreemem(row)) {
    // The first piece begins with the header; the trailer is a row of -1 columns.
    const char* fields = events == 0 && size > kCopyHeaderBytes && row[0] == 'P' ? row + kCopyHeaderBytes : row;
    if (static_cast<std::int16_t>(big_endian(fields, 2)) < 0) continue;
    producer.produce(record_of(fields_of(fields)));
    ++events;
  }
  checked(connection.get(), PQgetResult(connection.get()), PGRES_COMMAND_OK);
  producer.finish();
  std::cout << "{\"events\": " << events << "}\n";
  return 0;
}

}  // namespace penstock::bench
