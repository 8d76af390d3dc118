#include "connectors/outbox/postgres_watch.h"

#include <algorithm>
#include <tuple>

#include "connectors/outbox/outbox_errors.h"
#include "connectors/outbox/postgres_check.h"

namespace penstock::outbox {
namespace {

using store::postgres::Rows;

bool tracks(const OutboxSettings& settings) { return std::holds_alternative<TrackRows>(settings.policy); }

// The column that rows are told apart by.
const std::string& key_of(const OutboxSettings& settings) {
  return tracks(settings) ? *settings.column_of(Role::kId) : settings.order_by;
}

auto watched_in(const PostgresColumns& table, const OutboxSettings& settings) {
  const PostgresColumn* key = table.find(key_of(settings));
  const PostgresSequence sequence = table.order_sequence.value_or(PostgresSequence());
  return std::tuple(table.hides_rows, key != nullptr && key->not_null,
                    tracks(settings) ? table.id_is_unique : table.order_is_unique, sequence.cache, sequence.runs);
}

void take(PostgresColumns& table, const OutboxSettings& settings, const Rows& answer) {
  table.hides_rows = answer.boolean(0, 0);
  (tracks(settings) ? table.id_is_unique : table.order_is_unique) = answer.boolean(0, 1);
  const auto key = std::ranges::find(table.columns, key_of(settings), &PostgresColumn::name);
  if (key != table.columns.end() && !answer.is_null(0, 2)) key->not_null = answer.boolean(0, 2);
  if (!table.order_sequence || answer.is_null(0, 3)) return;
  table.order_sequence->cache = answer.integer(0, 3);
  table.order_sequence->runs = answer.boolean(0, 4) ? PostgresSequence::Runs::kUp : PostgresSequence::Runs::kDown;
}

}  // namespace

// Statements read a table by its name, and locks, its sequence and row level security are looked up by its oid.
std::string watch_statement() {
  return "SELECT h.hides, i.is_unique, a.attnotnull, s.seqcache, s.seqincrement > 0,"
         " to_regclass($4::text)::oid IS DISTINCT FROM $1::int8::oid FROM (" +
         std::string(kHidesRowsStatement) + ") AS h(hides) CROSS JOIN (" + kIndexesStatement +
         ") AS i(is_indexed, is_unique) LEFT JOIN pg_attribute a ON a.attrelid = $1::int8::oid AND a.attname = $2"
         " LEFT JOIN pg_sequence s ON s.seqrelid = $3::int8::oid";
}

store::postgres::Parameters watch_parameters(const PostgresColumns& table, const OutboxSettings& settings) {
  store::postgres::Parameters parameters;
  parameters.int8(table.table_oid).text(key_of(settings));
  parameters.int8(table.order_sequence ? table.order_sequence->oid : 0);
  parameters.text(settings.table.quoted());
  return parameters;
}

Status check_watched(PostgresColumns& table, const OutboxSettings& settings, const Rows& answer) {
  if (answer.boolean(0, 5))
    return fail(codes::kOutboxRefused, "table " + settings.table.to_string() +
                                           ": another table has got its name, which is looked at anew; what the former"
                                           " one still holds is not read any more");
  const auto before = watched_in(table, settings);
  take(table, settings, answer);
  return before == watched_in(table, settings) ? Status() : check_postgres_columns(table, settings);
}

}  // namespace penstock::outbox
