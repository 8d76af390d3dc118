#include "store/sqlite/integrity.h"

#include <algorithm>

#include "core/json_text.h"
#include "store/sqlite/schema.h"

namespace penstock::store::sqlite {
namespace {

using Verdict = IntegrityCheck::Verdict;

// All in SQL: `figures` (SELECT …) says what was looked at, `faults` (FROM … WHERE …) has a row for each fault, and
// `place` is where such a row is.
struct Question {
  std::string_view subject, figures, place, faults, advice;
  Verdict verdict = Verdict::kBroken;  // where there are faults
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
    // The event at the floor is the last one that a drop takes away.
    {"the floor is a position of the log", "'floor ' || floor || ', head ' || position FROM head",
     "'floor ' || h.floor",
     "FROM head h LEFT JOIN events e ON e.position = h.floor WHERE h.floor > h.position OR h.dropped > h.floor"
     " OR h.dropped < 0 OR (h.dropped < h.floor AND e.id IS NOT h.floor_id)",
     kInspect},
    {"no drop is unfinished", "'positions up to ' || dropped || ' of ' || floor || ' are gone' FROM head",
     "'position ' || (h.dropped + 1) || ' is still there'", "FROM head h WHERE h.dropped < h.floor",
     "if no `penstock store drop` is at work, run it again with the same position: it goes on where it ended",
     Verdict::kNote},
    // A stream that had events below the floor begins with any version.
    {"versions of each stream run from the first in the order of positions", "position || ' positions' FROM head",
     "'position ' || v.position || ' of stream \"' || v.stream || '\"'",
     "FROM (SELECT e.position, e.stream, e.version - coalesce(lag(e.version) OVER (PARTITION BY e.stream ORDER BY"
     " e.position), CASE h.floor WHEN 0 THEN -1 ELSE e.version - 1 END) AS step FROM events e, head h) v"
     " WHERE v.step <> 1",
     kInspect},
    // The next event is recorded no earlier than the head says.
    {"the time of recording never goes back", "position || ' positions' FROM head", "r.name",
     "FROM (SELECT t.name, t.recorded_at, lag(t.recorded_at) OVER (ORDER BY t.position) AS before FROM (SELECT"
     " position, 'position ' || position AS name, recorded_at FROM events WHERE removed_at IS NULL UNION ALL"
     " SELECT position + 1, 'head', recorded_at FROM head) t) r WHERE r.recorded_at < r.before",
     kInspect},
    {"each stream has the category of its events and the version of the last", "count(*) || ' streams' FROM streams",
     "'stream \"' || coalesce(s.name, g.stream) || '\"'",
     "FROM (SELECT stream, max(version) AS last, min(category) AS category, count(DISTINCT category) AS kinds"
     " FROM events GROUP BY stream) g FULL JOIN streams s ON s.name = g.stream"
     " WHERE (g.last IS NOT s.last_version OR g.kinds > 1 OR g.category IS NOT s.category)"
     " AND NOT (g.stream IS NULL AND (SELECT floor FROM head) > 0)",
     kInspect},
    {"no stream is cut behind its end", "count(*) || ' streams' FROM streams", "'stream \"' || s.name || '\"'",
     "FROM streams s WHERE s.truncate_before > s.last_version + 1 OR s.scavenged_before > s.last_version + 1",
     kInspect},
    {"what was removed is a stub, and nothing else is", "count(*) || ' stubs' FROM events WHERE removed_at IS NOT NULL",
     "'position ' || e.position",
     "FROM events e WHERE CASE WHEN e.removed_at IS NULL THEN e.type = '' OR e.content_type = ''"
     " ELSE e.type <> '' OR e.content_type <> '' OR e.metadata <> '' OR e.data IS NOT NULL END",
     kInspect},
    {"streams and events are counted", "streams || ' streams, ' || events || ' events' FROM head", "f.name",
     "FROM (SELECT 'streams' AS name, h.streams AS counted, (SELECT count(*) FROM streams) AS rows FROM head h UNION "
     "ALL"
     " SELECT 'events', h.events, (SELECT count(*) FROM events WHERE removed_at IS NULL) FROM head h) f"
     " WHERE f.counted <> f.rows",
     kRecount},
    {"events of each category and type are counted", "count(*) || ' types' FROM kinds", "f.name",
     "FROM (SELECT 'type \"' || coalesce(k.type, g.type) || '\" of category \"' || coalesce(k.category, g.category) ||"
     " '\"' AS name FROM (SELECT category, type, count(*) AS events FROM events WHERE removed_at IS NULL AND position "
     "<= (SELECT"
     " position FROM kinds_counted) GROUP BY category, type) g FULL JOIN kinds k ON k.category = g.category AND"
     " k.type = g.type WHERE coalesce(g.events, 0) <> coalesce(k.events, 0) UNION ALL SELECT 'position ' ||"
     " c.position || ', which is beyond the head' FROM kinds_counted c, head h WHERE c.position > h.position) f",
     kRecount},
    // Of two members with this name the last one counts. Metadata with an escape is left out: the program resolves some
    // that SQLite doesn't.
    {"tags and metadata agree", "count(*) || ' tags' FROM tags",
     "'tag \"' || coalesce(t.tag, m.tag) || '\" at position ' || coalesce(t.position, m.position)",
     "FROM (SELECT DISTINCT l.position, j.value AS tag FROM (SELECT e.position, w.type, w.value, row_number() OVER"
     " (PARTITION BY e.position ORDER BY w.id DESC) AS number FROM events e, json_each(CASE WHEN json_valid(e.metadata)"
     " THEN e.metadata ELSE '{}' END) w WHERE e.removed_at IS NULL AND instr(e.metadata, '\"tags\"') > 0"
     " AND instr(e.metadata, '\\u') = 0 AND w.key = 'tags') l, json_each(CASE l.type WHEN 'array' THEN l.value ELSE"
     " '[]' END) j WHERE l.number = 1 AND j.type = 'text' AND j.value <> '') m"
     " FULL JOIN tags t ON t.position = m.position AND t.tag = m.tag LEFT JOIN events e ON e.position = t.position"
     " WHERE t.tag IS NULL OR e.position IS NULL"
     " OR (m.tag IS NULL AND e.removed_at IS NULL AND instr(e.metadata, '\\u') = 0 AND json_valid(e.metadata))",
     kInspect},
    {"checkpoints stand at events that the log has", "count(*) || ' checkpoints' FROM checkpoints",
     "'route \"' || c.route || '\" at position ' || c.position",
     "FROM head h, checkpoints c LEFT JOIN events e ON e.position = c.position"
     " WHERE c.position > h.position OR c.position < 0 OR c.incarnation > h.incarnation"
     " OR c.system_identifier <> h.identifier OR c.timeline <> 0"
     " OR (c.position >= h.floor AND c.position > 0"
     " AND CASE c.position WHEN h.floor THEN h.floor_id ELSE e.id END IS NOT c.event_id)",
     "the file was restored: compare these routes' sinks with the log before going on"},
    {"what was dropped before a route had it is on record", "'floor ' || floor FROM head",
     "'route \"' || c.route || '\" at position ' || c.position",
     // Records follow each other, or overlap: each position where one could be missing lies in another.
     "FROM head h, checkpoints c WHERE c.position < h.floor AND EXISTS (SELECT 1 FROM (SELECT c.position + 1"
     " AS position UNION ALL SELECT g.last_position + 1 FROM gaps g WHERE g.kind = 'route' AND g.route = c.route"
     " AND g.reason = 'store.removed') b WHERE b.position > c.position AND b.position <= h.floor AND NOT EXISTS"
     " (SELECT 1 FROM gaps r WHERE r.kind = 'route' AND r.route = c.route AND r.reason = 'store.removed'"
     " AND b.position BETWEEN r.first_position AND r.last_position))",
     "the route can't go on: `penstock store drop --past ROUTE` with the position behind the floor makes a record"},
    {"no import is unfinished", "'head ' || position FROM head", "'head ' || h.position",
     "FROM head h WHERE h.importing <> 0",
     "run `penstock store import` with the same file again: it goes on where it ended; until then the store is closed",
     Verdict::kNote},
    {"no gap waits for an operator", "count(*) || ' gap records' FROM gaps",
     "'gap ' || g.number || ' of the ' || g.kind || ' \"' || g.route || '\"'",
     "FROM gaps g WHERE g.acknowledged_at IS NULL", "look at `penstock gaps ls`", Verdict::kNote},
};

constexpr std::size_t kPlaces = 3;

IntegrityCheck judged(std::string_view subject, std::string_view figures, std::size_t faults,
                      const std::vector<std::string>& places, std::string_view advice,
                      Verdict verdict = Verdict::kBroken) {
  std::string words(figures);
  if (faults == 0) return {std::string(subject), Verdict::kProved, std::move(words)};
  if (verdict == Verdict::kBroken) words += "; faults: " + std::to_string(faults) + ", among them: ";
  if (verdict == Verdict::kNote) words += "; ";
  for (std::size_t i = 0; i < std::min(places.size(), kPlaces); ++i) words.append(i == 0 ? "" : ", ").append(places[i]);
  return {std::string(subject), verdict, words.append("; ").append(advice)};
}

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
  const auto count = connection.read_number("SELECT count(*) " + faults);
  if (!count) return fail(count.error());
  std::vector<std::string> places;
  if (*count > 0) {
    auto found =
        ask(connection, std::string(question.place) + " AS place " + faults + " LIMIT " + std::to_string(kPlaces));
    if (!found) return fail(std::move(found.error()));
    places = std::move(*found);
  }
  return judged(question.subject, figures->front(), static_cast<std::size_t>(*count), places, question.advice,
                question.verdict);
}

// What the database takes for no object is judged by the rule of appends, which knows more of them.
Result<IntegrityCheck> check_metadata(Connection& connection) {
  auto cursor = connection.prepare(
      "SELECT position, metadata FROM events WHERE removed_at IS NULL AND CASE WHEN json_valid(metadata) THEN"
      " json_type(metadata) END IS NOT 'object'");
  if (!cursor) return fail(std::move(cursor.error()));
  std::size_t faults = 0;
  std::vector<std::string> places;
  for (;;) {
    const auto stepped = cursor->step();
    if (!stepped) return fail(stepped.error());
    if (*stepped == Cursor::Step::kDone) break;
    if (is_json_object(cursor->text(1))) continue;
    if (++faults <= kPlaces) places.push_back("position " + std::to_string(cursor->number(0)));
  }
  return judged("metadata is a JSON object", "every event", faults, places, kInspect);
}

IntegrityCheck check_objects(std::string_view kind, std::string_view subject, const SchemaObjects& made,
                             const SchemaObjects& there) {
  std::size_t wanted = 0;
  std::vector<std::string> faults;
  for (const auto& [name, object] : made) {
    if (object.kind != kind) continue;
    ++wanted;
    const auto found = there.find(name);
    if (found == there.end()) {
      faults.push_back(name + " is gone");
    } else if (found->second.definition != object.definition) {
      faults.push_back(name + " is another one");
    }
  }
  return judged(subject, std::to_string(wanted) + " of them", faults.size(), faults,
                "make them anew, as in a store that `penstock migrate` has just made, and find out who changed them");
}

// Without these nothing can be asked.
Status check_tables(Connection& connection, const SchemaObjects& made, const SchemaObjects& there) {
  for (const auto& [name, object] : made)
    if (object.kind == "table" && !there.contains(name))
      return fail(codes::kStoreCorrupt, "the table " + name + " is gone");
  for (const std::string table : {"head", "kinds_counted"}) {
    const auto rows = connection.read_number("SELECT count(*) FROM " + table);
    if (!rows) return fail(rows.error());
    if (*rows == 0) return fail(codes::kStoreCorrupt, "the row of " + table + " is gone");
  }
  return {};
}

}  // namespace

Result<std::vector<IntegrityCheck>> check_integrity(Connection& connection) {
  const auto made = made_objects();
  if (!made) return fail(Error(made.error()).with_context("making a schema to compare with"));
  auto snapshot = Transaction::begin(connection, Transaction::Kind::kRead);
  if (!snapshot) return fail(std::move(snapshot.error()));
  const auto there = load_objects(connection);
  if (!there) return fail(there.error());
  if (auto whole = check_tables(connection, *made, *there); !whole) return fail(std::move(whole.error()));
  std::vector<IntegrityCheck> checks;
  for (const Question& question : kQuestions) {
    auto answer = check(connection, question);
    if (!answer) return fail(std::move(answer.error()).with_context("checking that " + std::string(question.subject)));
    checks.push_back(std::move(*answer));
  }
  auto metadata = check_metadata(connection);
  if (!metadata) return fail(std::move(metadata.error()).with_context("checking the metadata"));
  checks.push_back(std::move(*metadata));
  checks.push_back(check_objects("index", "indexes are those that migrations make", *made, *there));
  checks.push_back(
      check_objects("trigger", "triggers that guard the log are those that migrations make", *made, *there));
  return checks;
}

}  // namespace penstock::store::sqlite
