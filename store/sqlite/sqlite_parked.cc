#include "store/sqlite/sqlite_parked.h"

#include <algorithm>
#include <limits>

namespace penstock::store::sqlite {
namespace {

constexpr std::string_view kParkedWord = "parked", kSkippedWord = "skipped", kWholeWord = "whole",
                           kReferenceWord = "by_reference";

// `content` is the last column, so that a list can leave it out.
std::string select_rows(std::string_view content, std::string_view rest) {
  return "SELECT number, kind, route, source, source_key, event_id, key, position, code, reason, kept, parked_at, " +
         std::string(content) + " FROM parked " + std::string(rest);
}

ParkedEvent row_in(const Cursor& cursor) {
  ParkedEvent row;
  row.number = cursor.number(0);
  row.as = cursor.text(1) == kSkippedWord ? ParkedAs::kSkipped : ParkedAs::kParked;
  row.route = cursor.text(2);
  row.source = cursor.text(3);
  row.source_key = cursor.text(4);
  if (!cursor.is_null(5)) row.event_id = cursor.id(5);
  if (!cursor.is_null(6)) row.key = cursor.text(6);
  if (!cursor.is_null(7)) row.position = Position{cursor.number(7)};
  row.code = cursor.text(8);
  row.reason = cursor.text(9);
  row.kept = cursor.text(10) == kReferenceWord ? ParkedEvent::Kept::kByReference : ParkedEvent::Kept::kWhole;
  row.parked_at = timestamp_of(cursor.number(11));
  row.content = cursor.text(12);
  return row;
}

Status insert_row(Cursor& cursor, const ParkedEvent& row, std::int64_t now) {
  const auto digest = digest_of(row);
  cursor.again();
  cursor.bind_text(row.as == ParkedAs::kSkipped ? kSkippedWord : kParkedWord)
      .bind_text(row.route)
      .bind_text(row.source)
      .bind_text(row.source_key);
  row.event_id ? cursor.bind_id(*row.event_id) : cursor.bind_blob(std::nullopt);
  cursor.bind_optional_text(row.key)
      .bind(row.position ? std::optional(row.position->value) : std::nullopt)
      .bind_text(row.code)
      .bind_text(row.reason)
      .bind_text(row.content)
      .bind_text(row.kept == ParkedEvent::Kept::kByReference ? kReferenceWord : kWholeWord)
      .bind_blob(std::string_view(reinterpret_cast<const char*>(digest.data()), digest.size()))
      .bind(now);
  return cursor.run();
}

}  // namespace

Status SqliteParked::park(const std::vector<ParkedEvent>& rows) {
  return database_.write("parking", [&](Connection& connection) -> Status {
    auto cursor = connection.prepare(
        "INSERT INTO parked (kind, route, source, source_key, event_id, key, position, code, reason, content, kept,"
        " digest, parked_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)"
        " ON CONFLICT (route, source, source_key, digest) DO NOTHING");
    if (!cursor) return fail(std::move(cursor.error()));
    const std::int64_t now = microseconds_of(database_now());
    for (const ParkedEvent& row : rows) {
      if (auto inserted = insert_row(*cursor, row, now); !inserted) return inserted;
    }
    return {};
  });
}

Result<std::vector<ParkedEvent>> SqliteParked::list(std::string_view route, std::int64_t after, std::size_t limit) {
  static const std::string kRows =
      select_rows("''", "WHERE number > ?1 AND (?2 = '' OR route = ?2) ORDER BY number LIMIT ?3");
  return database_.read("listing parked rows", [&](Connection& connection) -> Result<std::vector<ParkedEvent>> {
    auto cursor = connection.prepare(kRows);
    if (!cursor) return fail(std::move(cursor.error()));
    constexpr std::size_t kMost = std::numeric_limits<std::int64_t>::max();
    cursor->bind(after).bind_text(route).bind(static_cast<std::int64_t>(std::min(limit, kMost)));
    std::vector<ParkedEvent> found;
    for (;;) {
      const auto stepped = cursor->step();
      if (!stepped) return fail(stepped.error());
      if (*stepped == Cursor::Step::kDone) return found;
      found.push_back(row_in(*cursor));
    }
  });
}

Result<std::optional<ParkedEvent>> SqliteParked::find(std::int64_t number) {
  static const std::string kRow = select_rows("content", "WHERE number = ?1");
  return database_.read("finding a parked row", [&](Connection& connection) -> Result<std::optional<ParkedEvent>> {
    auto cursor = connection.prepare(kRow);
    if (!cursor) return fail(std::move(cursor.error()));
    const auto stepped = cursor->bind(number).step();
    if (!stepped) return fail(stepped.error());
    if (*stepped == Cursor::Step::kDone) return std::nullopt;
    return row_in(*cursor);
  });
}

Result<std::vector<std::string>> SqliteParked::kept_by_reference(std::string_view route, std::string_view source) {
  return database_.read("listing rows kept by reference",
                        [&](Connection& connection) -> Result<std::vector<std::string>> {
                          auto cursor = connection.prepare(
                              "SELECT DISTINCT source_key FROM parked"
                              " WHERE route = ?1 AND source = ?2 AND kept = 'by_reference' ORDER BY number");
                          if (!cursor) return fail(std::move(cursor.error()));
                          cursor->bind_text(route).bind_text(source);
                          std::vector<std::string> keys;
                          for (;;) {
                            const auto stepped = cursor->step();
                            if (!stepped) return fail(stepped.error());
                            if (*stepped == Cursor::Step::kDone) return keys;
                            keys.emplace_back(cursor->text(0));
                          }
                        });
}

Result<std::uint64_t> SqliteParked::count(std::string_view route) {
  return database_.read("counting parked rows", [&](Connection& connection) -> Result<std::uint64_t> {
    auto cursor = connection.prepare("SELECT count(*) FROM parked WHERE ?1 = '' OR route = ?1");
    if (!cursor) return fail(std::move(cursor.error()));
    const auto stepped = cursor->bind_text(route).step();
    if (!stepped) return fail(stepped.error());
    return static_cast<std::uint64_t>(cursor->number(0));
  });
}

}  // namespace penstock::store::sqlite
