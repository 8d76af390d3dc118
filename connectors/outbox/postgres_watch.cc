#include "connectors/outbox/postgres_watch.h"

#include <tuple>

#include "connectors/outbox/outbox_errors.h"

namespace penstock::outbox {
namespace {

using store::postgres::Rows;

auto watched_in(const PostgresColumns& table) {
  const auto& sequence = table.order_sequence;
  return std::tuple(table.hides_rows, sequence ? sequence->cache : 0,
                    sequence ? sequence->runs : PostgresSequence::Runs::kUp);
}

void take(PostgresColumns& table, const Rows& answer) {
  table.hides_rows = answer.boolean(0, 0);
  if (!table.order_sequence || answer.is_null(0, 1)) return;
  table.order_sequence->cache = answer.integer(0, 1);
  table.order_sequence->runs = answer.boolean(0, 2) ? PostgresSequence::Runs::kUp : PostgresSequence::Runs::kDown;
}

}  // namespace

// Statements read a table by its name, and locks, its sequence and row level security are looked up by its oid.
std::string watch_statement() {
  return "SELECT h.hides, s.seqcache, s.seqincrement > 0, to_regclass($3::text)::oid IS DISTINCT FROM $1::int8::oid"
         " FROM (" +
         std::string(kHidesRowsStatement) + ") AS h(hides) LEFT JOIN pg_sequence s ON s.seqrelid = $2::int8::oid";
}

store::postgres::Parameters watch_parameters(const PostgresColumns& table, const OutboxSettings& settings) {
  store::postgres::Parameters parameters;
  parameters.int8(table.table_oid).int8(table.order_sequence ? table.order_sequence->oid : 0);
  parameters.text(settings.table.quoted());
  return parameters;
}

Status check_watched(PostgresColumns& table, const OutboxSettings& settings, const Rows& answer) {
  if (answer.boolean(0, 3))
    return fail(codes::kOutboxRefused, "table " + settings.table.to_string() +
                                           ": another table has got its name, which is looked at anew; what the former"
                                           " one still holds is not read any more");
  const auto before = watched_in(table);
  take(table, answer);
  return before == watched_in(table) ? Status() : check_postgres_columns(table, settings);
}

}  // namespace penstock::outbox
