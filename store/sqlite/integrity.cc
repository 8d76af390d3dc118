#include "store/sqlite/integrity.h"

namespace penstock::store::sqlite {
namespace {

using Verdict = IntegrityCheck::Verdict;

// All in SQL: `figures` (SELECT …) says what was looked at, `faults` (FROM … WHERE …) has a row for each fault, and
// `place` is where such a row is.
struct Question {
  std::string_view subject, figures, place, faults, advice;
};

constexpr std::string_view kInspect = "stop every writer and compare with a backup: this can't be mended here";
constexpr std::string_view kRecount = "counters only: appends and reads are not concerned";

constexpr Question kQuestions[] = {
    {"the file and its indexes are whole", "'PRAGMA integrity_check'", "f.integrity_check",
     "FROM pragma_integrity_check f WHERE f.integrity_check <> 'ok'", kInspect},
    {"positions run from the floor to the head without a gap",
     "'floor ' || h.floor || ', head ' || h.position || ', ' || (SELECT count(*) FROM events) || ' rows' FROM head h",
     "'behind position ' || g.position",
     "FROM head h, (SELECT p.position, lead(p.position) OVER (ORDER BY p.position) AS next FROM (SELECT dropped AS"
     " position FROM head UNION ALL SELECT position FROM events) p) g"
     " WHERE coalesce(g.next, h.position + 1) <> g.position + 1",
     kInspect},
    {"no drop is unfinished", "dropped || ' positions dropped' FROM head", "'position ' || h.dropped",
     "FROM head h WHERE h.dropped <> h.floor",
     "run `penstock store drop` again with the same position: it goes on where it ended"},
    // A stream that had events below the floor begins with any version.
    {"versions of each stream run from the first in the order of positions", "position || ' positions' FROM head",
     "'position ' || v.position || ' of stream \"' || v.stream || '\"'",
     "FROM (SELECT e.position, e.stream, e.version - coalesce(lag(e.version) OVER (PARTITION BY e.stream ORDER BY"
     " e.position), CASE h.floor WHEN 0 THEN -1 ELSE e.version - 1 END) AS step FROM events e, head h) v"
     " WHERE v.step <> 1",
     kInspect},
    {"the time of recording never goes back", "position || ' positions' FROM head", "'position ' || r.position",
     "FROM (SELECT position, recorded_at, lag(recorded_at) OVER (ORDER BY position) AS before FROM events"
     " WHERE removed_at IS NULL) r WHERE r.recorded_at < r.before",
     kInspect},
    {"each stream has the category of its events and the version of the last", "count(*) || ' streams' FROM streams",
     "'stream \"' || coalesce(s.name, g.stream) || '\"'",
     "FROM (SELECT stream, max(version) AS last, min(category) AS category, count(DISTINCT category) AS kinds"
     " FROM events GROUP BY stream) g FULL JOIN streams s ON s.name = g.stream"
     " WHERE (g.last IS NOT s.last_version OR g.kinds > 1 OR g.category IS NOT s.category)"
     " AND NOT (g.stream IS NULL AND (SELECT floor FROM head) > 0)",
     kInspect},
    {"streams and events are counted", "streams || ' streams, ' || events || ' events' FROM head", "f.name",
     "FROM (SELECT 'streams' AS name, h.streams AS counted, (SELECT count(*) FROM streams) AS rows FROM head h UNION "
     "ALL"
     " SELECT 'events', h.events, (SELECT count(*) FROM events WHERE removed_at IS NULL) FROM head h) f"
     " WHERE f.counted <> f.rows",
     kRecount},
    {"events of each category and type are counted", "count(*) || ' types' FROM kinds",
     "'type \"' || coalesce(k.type, g.type) || '\" of category \"' || coalesce(k.category, g.category) || '\"'",
     "FROM (SELECT category, type, count(*) AS events FROM events WHERE removed_at IS NULL AND position <= (SELECT"
     " position FROM kinds_counted) GROUP BY category, type) g FULL JOIN kinds k ON k.category = g.category AND"
     " k.type = g.type WHERE coalesce(g.events, 0) <> coalesce(k.events, 0)",
     kRecount},
    // Metadata with an escape is left out: the program resolves some that SQLite doesn't.
    {"tags and metadata agree", "count(*) || ' tags' FROM tags",
     "'tag \"' || coalesce(t.tag, m.tag) || '\" at position ' || coalesce(t.position, m.position)",
     "FROM (SELECT DISTINCT e.position, j.value AS tag FROM events e, json_each(e.metadata, '$.tags') j"
     " WHERE e.removed_at IS NULL AND instr(e.metadata, '\"tags\"') > 0 AND instr(e.metadata, '\\u') = 0"
     " AND json_valid(e.metadata) AND json_type(e.metadata, '$.tags') = 'array' AND j.type = 'text' AND j.value <> '') "
     "m"
     " FULL JOIN tags t ON t.position = m.position AND t.tag = m.tag LEFT JOIN events e ON e.position = t.position"
     " WHERE t.tag IS NULL OR e.position IS NULL"
     " OR (m.tag IS NULL AND e.removed_at IS NULL AND instr(e.metadata, '\\u') = 0 AND json_valid(e.metadata))",
     kInspect},
    {"indexes are there", "count(*) || ' indexes' FROM sqlite_schema WHERE type = 'index'", "w.column1",
     "FROM (VALUES ('events_stream_version'), ('events_id_stream'), ('events_category'), ('streams_to_scavenge'),"
     " ('parked_once'), ('gaps_once'), ('gaps_open')) w WHERE w.column1 NOT IN (SELECT name FROM sqlite_schema"
     " WHERE type = 'index')",
     "make anew, as in a store that `penstock migrate` has just made, what is missing"},
    {"triggers that guard the log are there", "count(*) || ' triggers' FROM sqlite_schema WHERE type = 'trigger'",
     "w.column1",
     "FROM (VALUES ('events_go_below_the_floor'), ('events_only_become_stubs')) w WHERE w.column1 NOT IN"
     " (SELECT name FROM sqlite_schema WHERE type = 'trigger')",
     "make anew, as in a store that `penstock migrate` has just made, what is missing, and find out who took it away"},
    {"checkpoints stand at events that the log has", "count(*) || ' checkpoints' FROM checkpoints",
     "'route \"' || c.route || '\" at position ' || c.position",
     "FROM head h, checkpoints c LEFT JOIN events e ON e.position = c.position"
     " WHERE c.position > h.position OR c.position < 0 OR c.incarnation > h.incarnation"
     " OR (c.position >= h.floor AND c.position > 0"
     " AND CASE c.position WHEN h.floor THEN h.floor_id ELSE e.id END IS NOT c.event_id)",
     "the file was restored: compare these routes' sinks with the log before going on"},
    {"no import is unfinished", "'head ' || position FROM head", "'head ' || h.position",
     "FROM head h WHERE h.importing <> 0",
     "run `penstock store import` with the same file again: it goes on where it ended; until then the store is closed"},
    {"no gap waits for an operator", "count(*) || ' gap records' FROM gaps",
     "'gap ' || g.number || ' of the ' || g.kind || ' \"' || g.route || '\"'",
     "FROM gaps g WHERE g.acknowledged_at IS NULL", "look at `penstock gaps ls`"},
};

constexpr int kPlaces = 3;

Result<std::vector<std::string>> ask(Connection& connection, const std::string& sql) {
  auto cursor = connection.prepare("SELECT " + sql);
  if (!cursor) return fail(std::move(cursor.error()));
  std::vector<std::string> answers;
  for (;;) {
    const auto stepped = cursor->step();
    if (!stepped) return fail(stepped.error());
    if (*stepped == Cursor::Step::kDone) return answers;
    answers.emplace_back(cursor->text(0));
  }
}

Result<IntegrityCheck> check(Connection& connection, const Question& question) {
  const std::string faults(question.faults);
  const auto figures = ask(connection, std::string(question.figures));
  if (!figures) return fail(figures.error());
  const auto count = ask(connection, "count(*) " + faults);
  if (!count) return fail(count.error());
  if (count->front() == "0") return IntegrityCheck{std::string(question.subject), Verdict::kProved, figures->front()};
  const auto places =
      ask(connection, std::string(question.place) + " AS place " + faults + " LIMIT " + std::to_string(kPlaces));
  if (!places) return fail(places.error());
  std::string words = figures->front() + "; faults: " + count->front() + ", among them: ";
  for (std::size_t i = 0; i < places->size(); ++i) words.append(i == 0 ? "" : ", ").append((*places)[i]);
  return IntegrityCheck{std::string(question.subject), Verdict::kBroken, words + "; " + std::string(question.advice)};
}

}  // namespace

Result<std::vector<IntegrityCheck>> check_integrity(Connection& connection) {
  auto snapshot = Transaction::begin(connection, Transaction::Kind::kRead);
  if (!snapshot) return fail(std::move(snapshot.error()));
  std::vector<IntegrityCheck> checks;
  for (const Question& question : kQuestions) {
    auto answer = check(connection, question);
    if (!answer) return fail(std::move(answer.error()).with_context("checking that " + std::string(question.subject)));
    checks.push_back(std::move(*answer));
  }
  return checks;
}

}  // namespace penstock::store::sqlite
