#include "store/sqlite/integrity.h"

namespace penstock::store::sqlite {
namespace {

using Verdict = IntegrityCheck::Verdict;

// Answers how many faults there are, and figures in words.
struct Question {
  std::string_view subject, sql, advice;
};

constexpr std::string_view kInspect = "stop every writer and compare with a backup: this can't be mended here";

constexpr Question kQuestions[] = {
    {"the file and its indexes are whole",
     "SELECT count(*) FILTER (WHERE integrity_check <> 'ok'), 'PRAGMA integrity_check' FROM pragma_integrity_check",
     kInspect},
    {"positions run from the floor to the head without a gap",
     "SELECT abs(h.position - h.dropped - e.rows) + e.outside, 'floor ' || h.floor || ', head ' || h.position || ', ' "
     "||"
     " e.rows || ' rows' FROM head h, (SELECT count(*) AS rows, count(*) FILTER (WHERE position <= (SELECT dropped FROM"
     " head) OR position > (SELECT position FROM head)) AS outside FROM events) e",
     kInspect},
    {"no drop is unfinished", "SELECT dropped <> floor, dropped || ' positions dropped' FROM head",
     "run `penstock store drop` again with the same position: it goes on where it ended"},
    // A stream that had events below the floor begins with any version.
    {"versions of each stream run from the first in the order of positions",
     "SELECT count(*) FILTER (WHERE step <> 1), count(*) || ' events' FROM (SELECT version - coalesce(lag(version)"
     " OVER (PARTITION BY stream ORDER BY position), CASE (SELECT floor FROM head) WHEN 0 THEN -1 ELSE version - 1 END)"
     " AS step FROM events)",
     kInspect},
    {"the time of recording never goes back",
     "SELECT count(*) FILTER (WHERE recorded_at < before), count(*) || ' events' FROM (SELECT recorded_at,"
     " lag(recorded_at) OVER (ORDER BY position) AS before FROM events WHERE removed_at IS NULL)",
     kInspect},
    {"each stream with events has its row, with its category and version",
     "SELECT count(*) FILTER (WHERE s.name IS NULL OR g.last <> s.last_version OR g.categories > 1 OR g.kind <>"
     " s.category), count(*) || ' streams' FROM (SELECT stream, max(version) AS last, min(category) AS kind,"
     " count(DISTINCT category) AS categories FROM events GROUP BY stream) g LEFT JOIN streams s ON s.name = g.stream",
     kInspect},
    {"counters agree with the rows",
     "SELECT (h.streams <> (SELECT count(*) FROM streams)) + (h.events <> (SELECT count(*) FROM events WHERE removed_at"
     " IS NULL)) + (coalesce((SELECT sum(events) FROM kinds), 0) <> (SELECT count(*) FROM events WHERE removed_at IS"
     " NULL AND position <= (SELECT position FROM kinds_counted))), h.streams || ' streams, ' || h.events || ' events'"
     " FROM head h",
     "counters only: appends and reads are not concerned"},
    {"tags lead to events",
     "SELECT count(*) FILTER (WHERE e.position IS NULL), count(*) || ' tags' FROM tags t LEFT JOIN events e ON"
     " e.position = t.position",
     kInspect},
    {"checkpoints stand at events that the log has",
     "SELECT count(*) FILTER (WHERE c.position > 0 AND c.position >= h.floor AND CASE c.position WHEN h.floor THEN"
     " h.floor_id ELSE e.id END IS NOT c.event_id), count(*) || ' checkpoints' FROM head h, checkpoints c LEFT JOIN"
     " events e ON e.position = c.position",
     "the file was restored: compare these routes' sinks with the log before going on"},
    {"no import is unfinished", "SELECT importing, 'head ' || position FROM head",
     "run `penstock store import` with the same file again: it goes on where it ended; until then the store is closed"},
    {"no gap waits for an operator",
     "SELECT count(*) FILTER (WHERE acknowledged_at IS NULL), count(*) || ' gap records' FROM gaps",
     "look at `penstock gaps ls`"},
};

}  // namespace

Result<std::vector<IntegrityCheck>> check_integrity(Connection& connection) {
  auto snapshot = Transaction::begin(connection, Transaction::Kind::kRead);
  if (!snapshot) return fail(std::move(snapshot.error()));
  std::vector<IntegrityCheck> checks;
  for (const Question& question : kQuestions) {
    auto cursor = connection.prepare(question.sql);
    if (!cursor) return fail(std::move(cursor.error()).with_context(question.subject));
    if (const auto stepped = cursor->step(); !stepped)
      return fail(Error(stepped.error()).with_context(question.subject));
    const std::int64_t faults = cursor->number(0);
    std::string words(cursor->text(1));
    if (faults > 0) words += "; faults: " + std::to_string(faults) + "; " + std::string(question.advice);
    checks.push_back({std::string(question.subject), faults == 0 ? Verdict::kProved : Verdict::kBroken, words});
  }
  return checks;
}

}  // namespace penstock::store::sqlite
