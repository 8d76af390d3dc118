#include "store/postgres/integrity.h"

#include "store/postgres/migrator.h"
#include "store/store_faults.h"

namespace penstock::store::postgres {
namespace {

constexpr std::chrono::seconds kConnecting{10};
constexpr std::chrono::hours kChecking{6};

using Verdict = IntegrityCheck::Verdict;

// All in SQL: `figures` says what was looked at, `faults` (FROM … WHERE …) has a row for each fault, and `place` is
// where such a row is.
struct Question {
  std::string_view subject, figures, place, faults, advice;
  Verdict verdict = Verdict::kBroken;  // where there are faults
};

constexpr std::string_view kInspect = "stop every writer and compare with a backup: this can't be mended here";
constexpr std::string_view kRecount = "counters only: appends and reads are not concerned";

constexpr Question kQuestions[] = {
    {"positions run from the floor to the head without a gap",
     "'floor ' || h.floor || ', head ' || h.position || ', ' || (SELECT count(*) FROM @schema@.events) || ' rows' FROM "
     "@schema@.head h",
     "'behind position ' || g.position",
     "FROM @schema@.head h CROSS JOIN LATERAL (SELECT p.position, lead(p.position) OVER (ORDER BY p.position) AS next"
     " FROM (SELECT c.dropped AS position FROM @schema@.kinds_counted c UNION ALL SELECT e.position FROM "
     "@schema@.events e) p) g"
     " WHERE coalesce(g.next, h.position + 1) <> g.position + 1",
     kInspect},
    // The event at the floor is the last one that a drop takes away.
    {"the floor is a position of the log", "'floor ' || h.floor || ', head ' || h.position FROM @schema@.head h",
     "'floor ' || h.floor",
     "FROM @schema@.kinds_counted c CROSS JOIN @schema@.head h LEFT JOIN @schema@.events e ON e.position = h.floor"
     " WHERE h.floor > h.position OR c.dropped > h.floor OR c.dropped < 0"
     " OR (c.dropped < h.floor AND e.id IS DISTINCT FROM h.floor_id)",
     kInspect},
    {"no drop is unfinished",
     "'positions up to ' || c.dropped || ' of ' || h.floor || ' are gone' FROM @schema@.kinds_counted c, @schema@.head "
     "h",
     "'position ' || (c.dropped + 1) || ' is still there'",
     "FROM @schema@.kinds_counted c, @schema@.head h WHERE c.dropped < h.floor",
     "if no `penstock store drop` is at work, run it again with the same position: it goes on where it ended",
     Verdict::kNote},
    // A stream that had events below the floor begins with any version.
    {"versions of each stream run from the first in the order of positions",
     "h.position || ' positions' FROM @schema@.head h",
     "'position ' || v.position || ' of stream \"' || v.stream || '\"'",
     "FROM (SELECT e.position, e.stream, e.version - coalesce(lag(e.version) OVER (PARTITION BY e.stream"
     " ORDER BY e.position), CASE h.floor WHEN 0 THEN -1 ELSE e.version - 1 END) AS step"
     " FROM @schema@.events e, @schema@.head h) v WHERE v.step <> 1",
     kInspect},
    {"the time of recording never goes back", "h.position || ' positions' FROM @schema@.head h", "r.name",
     // The next event is recorded no earlier than the head says.
     "FROM (SELECT t.name, t.recorded_at, lag(t.recorded_at) OVER (ORDER BY t.position) AS before FROM"
     " (SELECT e.position, 'position ' || e.position AS name, e.recorded_at FROM @schema@.events e"
     " WHERE e.removed_at IS NULL UNION ALL SELECT h.position + 1, 'head', h.recorded_at FROM @schema@.head h) t) r"
     " WHERE r.recorded_at < r.before",
     kInspect},
    // One snapshot for what has a position and what has none yet.
    {"each stream has the category of its events and the version of the last",
     "count(*) || ' streams' FROM @schema@.streams", "'stream \"' || coalesce(s.name, g.stream) || '\"'",
     "FROM (SELECT w.stream, max(w.version) AS last, min(w.category) AS category, count(DISTINCT w.category) AS kinds"
     " FROM (SELECT e.stream, e.version, e.category FROM @schema@.events e"
     " UNION ALL SELECT i.stream, i.version, i.category FROM @schema@.inbox i) w GROUP BY w.stream) g"
     " FULL JOIN @schema@.streams s ON s.name = g.stream CROSS JOIN @schema@.head h"
     " WHERE (g.last IS DISTINCT FROM s.version OR g.kinds > 1 OR g.category IS DISTINCT FROM s.category)"
     " AND NOT (g.stream IS NULL AND h.floor > 0)",
     kInspect},
    {"no stream is cut behind its end", "count(*) || ' streams' FROM @schema@.streams", "'stream \"' || s.name || '\"'",
     "FROM @schema@.streams s WHERE s.truncate_before > s.version + 1 OR s.scavenged_before > s.version + 1", kInspect},
    {"streams and removed events are counted",
     "h.streams || ' streams, ' || c.removed || ' events removed' FROM @schema@.head h, @schema@.kinds_counted c",
     "f.name",
     // A stream counts from when its first event has a position.
     "FROM (SELECT 'streams' AS name, h.streams AS counted, (SELECT count(*) FROM @schema@.streams) - (SELECT count(*)"
     " FROM @schema@.inbox i WHERE i.version = 0) AS rows FROM @schema@.head h UNION ALL"
     " SELECT 'removed events', c.removed, (SELECT count(*) FROM @schema@.events e WHERE e.removed_at IS NOT NULL)"
     " FROM @schema@.kinds_counted c) f WHERE f.counted <> f.rows",
     kRecount},
    {"events of each category and type are counted", "count(*) || ' types' FROM @schema@.kinds", "f.name",
     "FROM (SELECT 'type \"' || coalesce(k.type, g.type) || '\" of category \"' || coalesce(k.category, g.category) ||"
     " '\"' AS name FROM (SELECT e.category, e.type, count(*) AS events FROM @schema@.events e, @schema@.kinds_counted "
     "c"
     " WHERE e.removed_at IS NULL AND e.position <= c.position GROUP BY e.category, e.type) g"
     " FULL JOIN @schema@.kinds k ON k.category = g.category AND k.type = g.type"
     " WHERE coalesce(g.events, 0) <> coalesce(k.events, 0) UNION ALL SELECT 'position ' || c.position || ', which is"
     " beyond the head' FROM @schema@.kinds_counted c, @schema@.head h WHERE c.position > h.position) f",
     kRecount},
    // Metadata with an escape is left out: what SQL can't take apart was taken apart by the program.
    {"tags and metadata agree", "count(*) || ' tags' FROM @schema@.tags",
     "'tag \"' || coalesce(t.tag, m.tag) || '\" at position ' || coalesce(t.position, m.position)",
     "FROM (SELECT e.position, unnest(@schema@.tags_of(e.metadata)) AS tag FROM @schema@.events e"
     " WHERE e.removed_at IS NULL AND strpos(e.metadata::text, 'tags') > 0 AND strpos(e.metadata::text, '\\u') = 0) m"
     " FULL JOIN @schema@.tags t ON t.position = m.position AND t.tag = m.tag"
     " LEFT JOIN @schema@.events e ON e.position = t.position WHERE t.tag IS NULL OR e.position IS NULL"
     " OR (m.tag IS NULL AND e.removed_at IS NULL AND strpos(e.metadata::text, '\\u') = 0)",
     kInspect},
    {"indexes are valid and those that migrations make",
     "count(*) || ' indexes' FROM pg_catalog.pg_indexes i WHERE i.schemaname = @schema_text@", "w.name",
     "FROM (VALUES ('events_position', 'unique events (position)'),"
     " ('events_stream_version', 'unique events (stream, version)'),"
     " ('events_id_stream', 'unique events (id, stream)'), ('events_category', 'events (category, position)'),"
     " ('streams_pkey', 'unique streams (name)'), ('streams_to_scavenge', 'streams (name) some'),"
     " ('inbox_ins', 'unique inbox (ins)'), ('inbox_stream_version', 'unique inbox (stream, version)'),"
     " ('inbox_id_stream', 'unique inbox (id, stream)'), ('tags_tag_position', 'unique tags (tag, position)'),"
     " ('kinds_pkey', 'unique kinds (category, type)'), ('checkpoints_pkey', 'unique checkpoints (route)'),"
     " ('source_checkpoints_pkey', 'unique source_checkpoints (source)'), ('leases_pkey', 'unique leases (name)'),"
     " ('parked_once', 'unique parked (route, source, md5(source_key), digest)'),"
     " ('gaps_once', 'unique gaps (kind, route, reason, first_position, last_position, md5(events))'),"
     " ('gaps_open', 'gaps (kind, route, number) some')) w(name, definition)"
     " LEFT JOIN (SELECT c.relname, i.indisvalid AND i.indisready AS usable, CASE WHEN i.indisunique THEN 'unique ' "
     "ELSE"
     " '' END || t.relname || ' (' || (SELECT string_agg(replace(pg_catalog.pg_get_indexdef(i.indexrelid, k, true),"
     " '\"', ''), ', ' ORDER BY k) FROM generate_series(1, i.indnkeyatts) k) || ')' || CASE WHEN i.indpred IS NULL "
     "THEN '' ELSE ' some' END"
     " AS definition FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class t ON t.oid = i.indrelid"
     " JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
     " WHERE n.nspname = @schema_text@) f ON f.relname = w.name"
     " WHERE f.usable IS NOT TRUE OR f.definition <> w.definition",
     "REINDEX what is invalid; make anew, as in a store that `penstock migrate` has just made, what is missing or "
     "another one"},
    // tgtype: what fires it, and when.
    {"triggers that guard the log are switched on and call what they should",
     "count(*) || ' triggers' FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid"
     " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = @schema_text@ AND NOT t.tgisinternal",
     "w.name",
     "FROM (VALUES ('events_are_append_only', 'events', 34, 'refuse_change', false),"
     " ('events_go_below_the_floor', 'events', 11, 'refuse_deletion', false),"
     " ('events_only_become_stubs', 'events', 19, 'refuse_change', true),"
     " ('streams_are_revived', 'streams', 19, 'write_to_removed_stream', true),"
     " ('streams_are_in_bounds', 'streams', 23, 'refuse_bounds', true),"
     " ('head_is_alone', 'head', 23, 'refuse_second_head', true),"
     " ('head_is_importing', 'head', 19, 'refuse_while_importing', true)) w(name, relation, type, function, asks)"
     " LEFT JOIN (SELECT t.tgname, t.tgenabled, c.relname, t.tgtype, p.proname, t.tgqual IS NOT NULL AS asks"
     " FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid AND p.pronamespace ="
     " (SELECT n.oid FROM pg_catalog.pg_namespace n WHERE n.nspname = @schema_text@)"
     " JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
     " WHERE n.nspname = @schema_text@) f ON f.tgname = w.name AND f.relname = w.relation"
     " WHERE coalesce(f.tgenabled, 'D') = 'D' OR f.tgtype <> w.type OR f.proname <> w.function OR f.asks <> w.asks",
     "ALTER TABLE … ENABLE TRIGGER as the owner of the tables, or make them anew as in a store that `penstock migrate` "
     "has "
     "just made, and find out who changed them"},
    {"checkpoints stand at events that the log has",
     "count(*) || ' checkpoints, ' || count(*) FILTER (WHERE c.system_identifier <> h.system_identifier OR c.timeline"
     " <> h.timeline) || ' of them of another system or timeline' FROM @schema@.checkpoints c, @schema@.head h",
     "'route \"' || c.route || '\" at position ' || c.position",
     "FROM @schema@.checkpoints c CROSS JOIN @schema@.head h LEFT JOIN @schema@.events e ON e.position = c.position"
     " WHERE c.position > h.position OR c.position < 0 OR c.incarnation > h.incarnation"
     // Those of an older incarnation were written before a promotion or restore.
     " OR (c.incarnation = h.incarnation AND (c.system_identifier <> h.system_identifier OR c.timeline <> h.timeline))"
     " OR (c.position >= h.floor AND c.position > 0"
     " AND CASE c.position WHEN h.floor THEN h.floor_id ELSE e.id END IS DISTINCT FROM c.event_id)",
     "the store was restored or lost its tail: compare these routes' sinks with the log before going on"},
    {"what was dropped before a route had it is on record", "'floor ' || h.floor FROM @schema@.head h",
     "'route \"' || c.route || '\" at position ' || c.position",
     // Records follow each other, or overlap: each position where one could be missing lies in another.
     "FROM @schema@.head h, @schema@.checkpoints c WHERE c.position < h.floor AND EXISTS (SELECT FROM (SELECT "
     "c.position + 1"
     " AS position UNION ALL SELECT g.last_position + 1 FROM @schema@.gaps g WHERE g.kind = 'route' AND g.route = "
     "c.route"
     " AND g.reason = 'store.removed') b WHERE b.position > c.position AND b.position <= h.floor AND NOT EXISTS"
     " (SELECT FROM @schema@.gaps r WHERE r.kind = 'route' AND r.route = c.route AND r.reason = 'store.removed'"
     " AND b.position BETWEEN r.first_position AND r.last_position))",
     "the route can't go on: `penstock store drop --past ROUTE` with the position behind the floor makes a record"},
    {"rows of the inbox are of this incarnation and go on where the log ends",
     "count(*) || ' rows without a position' FROM @schema@.inbox",
     "'version ' || i.version || ' of stream \"' || i.stream || '\"'",
     // A stream whose events were dropped goes on at any version.
     "FROM (SELECT w.*, coalesce(lag(w.version) OVER (PARTITION BY w.stream ORDER BY w.version), (SELECT max(e.version)"
     " FROM @schema@.events e WHERE e.stream = w.stream)) AS before FROM @schema@.inbox w) i"
     " CROSS JOIN @schema@.head h LEFT JOIN @schema@.streams s ON s.name = i.stream"
     " WHERE i.version <> coalesce(i.before + 1, CASE h.floor WHEN 0 THEN 0 ELSE i.version END)"
     " OR i.incarnation <> h.incarnation OR s.name IS NULL OR s.version < i.version OR s.category <> i.category"
     " OR EXISTS (SELECT FROM @schema@.events e WHERE e.stream = i.stream AND e.version >= i.version)"
     " OR EXISTS (SELECT FROM @schema@.events e WHERE e.id = i.id AND e.stream = i.stream)",
     "the next append gives positions to those of an older incarnation; for others compare with a backup"},
    // Where this role may not look at the sequence, it is not judged.
    {"rows of the inbox to come are numbered behind those that wait",
     "'last number ' || coalesce(q.last_value::text, 'not known') FROM pg_catalog.pg_sequences q"
     " WHERE q.schemaname = @schema_text@ AND q.sequencename = 'inbox_ins_seq'",
     "'number ' || i.ins",
     "FROM @schema@.inbox i, pg_catalog.pg_sequences q WHERE q.schemaname = @schema_text@"
     " AND q.sequencename = 'inbox_ins_seq' AND q.last_value < i.ins",
     "the next rows of a stream would come before those that wait: stop every writer, and set the sequence behind "
     "them"},
    {"no import is unfinished", "'head ' || h.position FROM @schema@.head h", "'head ' || h.position",
     "FROM @schema@.head h WHERE h.importing",
     "run `penstock store import` with the same file again: it goes on where it ended; until then the store is closed",
     Verdict::kNote},
    {"no gap waits for an operator", "count(*) || ' gap records' FROM @schema@.gaps",
     "'gap ' || g.number || ' of the ' || g.kind || ' \"' || g.route || '\"'",
     "FROM @schema@.gaps g WHERE g.acknowledged_at IS NULL", "look at `penstock gaps ls`", Verdict::kNote},
};

constexpr int kPlaces = 3;

IntegrityCheck judged(std::string_view subject, std::int64_t faults, std::string figures, std::string_view advice,
                      const std::string& places = {}, Verdict verdict = Verdict::kBroken) {
  if (faults == 0) return {std::string(subject), Verdict::kProved, std::move(figures)};
  std::string words = figures;
  if (verdict == Verdict::kBroken) words += "; faults: " + std::to_string(faults);
  if (!places.empty()) words += (verdict == Verdict::kBroken ? ", among them: " : "; ") + places;
  return {std::string(subject), verdict, words + "; " + std::string(advice)};
}

Result<IntegrityCheck> check(Session& session, const Schema& schema, const Question& question) {
  const auto ask = [&](const std::string& sql) {
    return session.execute(schema.expand("SELECT " + sql), Deadline::in(kChecking));
  };
  const std::string faults(question.faults);
  auto figures = ask(std::string(question.figures));
  if (!figures) return fail(std::move(figures.error()));
  auto counted = ask("count(*) " + faults);
  if (!counted) return fail(std::move(counted.error()));
  std::string places;
  if (counted->integer(0, 0) > 0) {
    auto found = ask(std::string(question.place) + " AS place " + faults + " LIMIT " + std::to_string(kPlaces));
    if (!found) return fail(std::move(found.error()));
    for (std::size_t row = 0; row < found->size(); ++row)
      places.append(places.empty() ? "" : ", ").append(found->bytes(row, 0));
  }
  return judged(question.subject, counted->integer(0, 0), std::string(figures->empty() ? "" : figures->bytes(0, 0)),
                question.advice, places, question.verdict);
}

Result<IntegrityCheck> check_identity(Session& session, const Schema& schema) {
  auto head = session.execute(
      schema.expand("SELECT h.system_identifier, h.timeline, h.incarnation FROM @schema@.head h WHERE h.id = 1"),
      Deadline::in(kConnecting));
  if (!head) return fail(std::move(head.error()));
  if (head->empty()) return fail(row_of_head_gone());
  const ServerFacts& server = session.server();
  const bool same = head->bytes(0, 0) == server.system_identifier && head->integer(0, 1) == server.timeline;
  return judged("the store was written on this server and timeline", same ? 0 : 1,
                "system " + server.system_identifier + ", timeline " + std::to_string(server.timeline) +
                    ", incarnation " + std::to_string(head->integer(0, 2)),
                "the next program that opens the store raises its incarnation; after a restore of files on the same "
                "server raise it by hand: " +
                    schema.expand("UPDATE @schema@.head SET incarnation = incarnation + 1"));
}

// The questions speak of the tables as this program knows them.
Status check_schema(Session& session, const Schema& schema) {
  const auto number = load_schema_number(session, schema, Deadline::in(kConnecting));
  if (!number) return fail(Error(number.error()).with_context("looking at the schema"));
  if (auto known = check_not_too_new(*number, schema); !known) return known;
  const int newest = embedded_migrations().back().number;
  if (*number == newest) return {};
  return fail(codes::kStoreSchemaMissing, "schema " + schema.name() + " has number " + std::to_string(*number) +
                                              ", this program checks number " + std::to_string(newest));
}

// As the last migration that makes it has it; empty if none does.
std::string made_body(const Schema& schema, std::string_view function) {
  constexpr std::string_view kQuote = "$function$";
  std::string body;
  for (const Migration& migration : embedded_migrations()) {
    const std::size_t made = migration.sql.rfind("FUNCTION @schema@." + std::string(function) + "() RETURNS trigger");
    if (made == std::string::npos) continue;
    const std::size_t begin = migration.sql.find(kQuote, made) + kQuote.size();
    body = migration.sql.substr(begin, migration.sql.find(kQuote, begin) - begin);
  }
  return schema.expand(body);
}

// A guard that was made anew under its name may let everything pass.
Result<IntegrityCheck> check_guards(Session& session, const Schema& schema) {
  auto rows = session.execute(
      schema.expand("SELECT p.proname, p.prosrc FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid ="
                    " p.pronamespace WHERE n.nspname = @schema_text@ AND p.proname IN ('refuse_change',"
                    " 'refuse_deletion', 'write_to_removed_stream', 'refuse_while_importing', 'refuse_bounds', "
                    "'refuse_second_head')"
                    " ORDER BY p.proname"),
      Deadline::in(kConnecting));
  if (!rows) return fail(std::move(rows.error()));
  std::int64_t faults = 0;
  std::string places;
  for (std::size_t row = 0; row < rows->size(); ++row) {
    if (made_body(schema, rows->bytes(row, 0)) == rows->bytes(row, 1)) continue;
    ++faults;
    places.append(places.empty() ? "" : ", ").append(rows->bytes(row, 0));
  }
  return judged("functions that guard the log are those that migrations make", faults,
                std::to_string(rows->size()) + " functions",
                "make them anew, as in a store that `penstock migrate` has just made, and find out who changed them",
                places);
}

// Without these nothing can be asked.
Status check_tables(Session& session, const Schema& schema) {
  const auto first_of = [&](std::string_view sql) -> Result<std::string> {
    const auto rows = session.execute(schema.expand(sql), Deadline::in(kConnecting));
    if (!rows) return fail(rows.error());
    return rows->empty() ? std::string() : std::string(rows->bytes(0, 0));
  };
  const auto table = first_of(
      "SELECT w.name FROM (VALUES ('head'), ('events'), ('streams'), ('inbox'), ('tags'), ('kinds'),"
      " ('kinds_counted'), ('checkpoints'), ('source_checkpoints'), ('leases'), ('parked'), ('gaps'), ('attempts'),"
      " ('limits'), ('route_state')) w(name) WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_class c"
      " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = @schema_text@ AND c.relname = w.name"
      " AND c.relkind IN ('r', 'p')) ORDER BY w.name LIMIT 1");
  if (!table) return fail(table.error());
  if (!table->empty()) return fail(codes::kStoreCorrupt, "the table " + schema.name() + "." + *table + " is gone");
  const auto row = first_of(
      "SELECT w.name FROM (SELECT 'head' AS name, count(*) AS rows FROM @schema@.head UNION ALL"
      " SELECT 'kinds_counted', count(*) FROM @schema@.kinds_counted) w WHERE w.rows = 0 ORDER BY w.name LIMIT 1");
  if (!row) return fail(row.error());
  if (!row->empty()) return fail(codes::kStoreCorrupt, "the row of " + *row + " is gone");
  return {};
}

}  // namespace

Result<std::vector<IntegrityCheck>> check_integrity(SessionOpener& opener) {
  auto session = opener.open_unchecked("check", Deadline::in(kConnecting));
  if (!session) return fail(std::move(session.error()));
  const Schema& schema = opener.schema();
  if (auto known = check_schema(**session, schema); !known) return fail(std::move(known.error()));
  if (auto whole = check_tables(**session, schema); !whole) return fail(std::move(whole.error()));
  std::vector<IntegrityCheck> checks;
  auto identity = check_identity(**session, schema);
  if (!identity) return fail(std::move(identity.error()).with_context("checking the identity of the store"));
  checks.push_back(std::move(*identity));
  for (const Question& question : kQuestions) {
    auto answer = check(**session, schema, question);
    if (!answer) return fail(std::move(answer.error()).with_context("checking that " + std::string(question.subject)));
    checks.push_back(std::move(*answer));
  }
  auto guards = check_guards(**session, schema);
  if (!guards) return fail(std::move(guards.error()).with_context("checking the functions that guard the log"));
  checks.push_back(std::move(*guards));
  return checks;
}

}  // namespace penstock::store::postgres
