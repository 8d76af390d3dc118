#include "store/postgres/integrity.h"

#include "store/postgres/migrator.h"

namespace penstock::store::postgres {
namespace {

constexpr std::chrono::seconds kConnecting{10};
constexpr std::chrono::hours kChecking{6};

using Verdict = IntegrityCheck::Verdict;

// All in SQL: `figures` says what was looked at, `faults` (FROM … WHERE …) has a row for each fault, and `place` is
// where such a row is.
struct Question {
  std::string_view subject, figures, place, faults, advice;
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
    {"no drop is unfinished", "c.dropped || ' positions dropped' FROM @schema@.kinds_counted c",
     "'position ' || c.dropped", "FROM @schema@.kinds_counted c, @schema@.head h WHERE c.dropped <> h.floor",
     "run `penstock store drop` again with the same position: it goes on where it ended"},
    // A stream that had events below the floor begins with any version.
    {"versions of each stream run from the first in the order of positions",
     "h.position || ' positions' FROM @schema@.head h",
     "'position ' || v.position || ' of stream \"' || v.stream || '\"'",
     "FROM (SELECT e.position, e.stream, e.version - coalesce(lag(e.version) OVER (PARTITION BY e.stream"
     " ORDER BY e.position), CASE h.floor WHEN 0 THEN -1 ELSE e.version - 1 END) AS step"
     " FROM @schema@.events e, @schema@.head h) v WHERE v.step <> 1",
     kInspect},
    {"the time of recording never goes back", "h.position || ' positions' FROM @schema@.head h",
     "'position ' || r.position",
     "FROM (SELECT e.position, e.recorded_at, lag(e.recorded_at) OVER (ORDER BY e.position) AS before"
     " FROM @schema@.events e WHERE e.removed_at IS NULL) r WHERE r.recorded_at < r.before",
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
    {"streams and removed events are counted",
     "h.streams || ' streams, ' || c.removed || ' events removed' FROM @schema@.head h, @schema@.kinds_counted c",
     "f.name",
     // A stream counts from when its first event has a position.
     "FROM (SELECT 'streams' AS name, h.streams AS counted, (SELECT count(*) FROM @schema@.streams) - (SELECT count(*)"
     " FROM @schema@.inbox i WHERE i.version = 0) AS rows FROM @schema@.head h UNION ALL"
     " SELECT 'removed events', c.removed, (SELECT count(*) FROM @schema@.events e WHERE e.removed_at IS NOT NULL)"
     " FROM @schema@.kinds_counted c) f WHERE f.counted <> f.rows",
     kRecount},
    {"events of each category and type are counted", "count(*) || ' types' FROM @schema@.kinds",
     "'type \"' || coalesce(k.type, g.type) || '\" of category \"' || coalesce(k.category, g.category) || '\"'",
     "FROM (SELECT e.category, e.type, count(*) AS events FROM @schema@.events e, @schema@.kinds_counted c"
     " WHERE e.removed_at IS NULL AND e.position <= c.position GROUP BY e.category, e.type) g"
     " FULL JOIN @schema@.kinds k ON k.category = g.category AND k.type = g.type"
     " WHERE coalesce(g.events, 0) <> coalesce(k.events, 0)",
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
    {"indexes are there and valid",
     "count(*) || ' indexes' FROM pg_catalog.pg_indexes i WHERE i.schemaname = @schema_text@", "w.name",
     "FROM (VALUES ('events_position'), ('events_stream_version'), ('events_id_stream'), ('events_category'),"
     " ('streams_pkey'), ('inbox_ins'), ('inbox_stream_version'), ('inbox_id_stream'), ('tags_tag_position'),"
     " ('checkpoints_pkey'), ('source_checkpoints_pkey'), ('leases_pkey'), ('parked_once'), ('gaps_once')) w(name)"
     " LEFT JOIN (SELECT c.relname, i.indisvalid AND i.indisready AS usable FROM pg_catalog.pg_index i"
     " JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
     " WHERE n.nspname = @schema_text@) f ON f.relname = w.name WHERE f.usable IS NOT TRUE",
     "REINDEX what is invalid; make anew, as in a store that `penstock migrate` has just made, what is missing"},
    {"triggers that guard the log are switched on",
     "count(*) || ' triggers' FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid"
     " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = @schema_text@ AND NOT t.tgisinternal",
     "w.name",
     "FROM (VALUES ('events_are_append_only'), ('events_go_below_the_floor'), ('events_only_become_stubs'), "
     "('streams_are_revived'),"
     " ('head_is_importing')) w(name) LEFT JOIN (SELECT t.tgname, t.tgenabled FROM pg_catalog.pg_trigger t"
     " JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
     " WHERE n.nspname = @schema_text@) f"
     " ON f.tgname = w.name WHERE coalesce(f.tgenabled, 'D') = 'D'",
     "ALTER TABLE … ENABLE TRIGGER as the owner of the tables, and find out who switched it off"},
    {"checkpoints stand at events that the log has",
     "count(*) || ' checkpoints, ' || count(*) FILTER (WHERE c.system_identifier <> h.system_identifier OR c.timeline"
     " <> h.timeline) || ' of them from before a promotion or restore' FROM @schema@.checkpoints c, @schema@.head h",
     "'route \"' || c.route || '\" at position ' || c.position",
     "FROM @schema@.checkpoints c CROSS JOIN @schema@.head h LEFT JOIN @schema@.events e ON e.position = c.position"
     " WHERE c.position > h.position OR c.position < 0 OR c.incarnation > h.incarnation"
     " OR (c.position >= h.floor AND c.position > 0"
     " AND CASE c.position WHEN h.floor THEN h.floor_id ELSE e.id END IS DISTINCT FROM c.event_id)",
     "the store was restored or lost its tail: compare these routes' sinks with the log before going on"},
    {"rows of the inbox are of this incarnation and go on where the log ends",
     "count(*) || ' rows without a position' FROM @schema@.inbox",
     "'version ' || i.version || ' of stream \"' || i.stream || '\"'",
     "FROM @schema@.inbox i CROSS JOIN @schema@.head h LEFT JOIN @schema@.streams s ON s.name = i.stream"
     " WHERE i.incarnation <> h.incarnation OR s.name IS NULL OR s.version < i.version OR s.category <> i.category"
     " OR EXISTS (SELECT FROM @schema@.events e WHERE e.stream = i.stream AND e.version >= i.version)"
     " OR EXISTS (SELECT FROM @schema@.events e WHERE e.id = i.id AND e.stream = i.stream)",
     "the next append gives positions to those of an older incarnation; for others compare with a backup"},
    {"no import is unfinished", "'head ' || h.position FROM @schema@.head h", "'head ' || h.position",
     "FROM @schema@.head h WHERE h.importing",
     "run `penstock store import` with the same file again: it goes on where it ended; until then the store is closed"},
    {"no gap waits for an operator", "count(*) || ' gap records' FROM @schema@.gaps",
     "'gap ' || g.number || ' of the ' || g.kind || ' \"' || g.route || '\"'",
     "FROM @schema@.gaps g WHERE g.acknowledged_at IS NULL", "look at `penstock gaps ls`"},
};

constexpr int kPlaces = 3;

IntegrityCheck judged(std::string_view subject, std::int64_t faults, std::string figures, std::string_view advice,
                      const std::string& places = {}) {
  if (faults == 0) return {std::string(subject), Verdict::kProved, std::move(figures)};
  std::string words = figures + "; faults: " + std::to_string(faults);
  if (!places.empty()) words += ", among them: " + places;
  return {std::string(subject), Verdict::kBroken, words + "; " + std::string(advice)};
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
  return judged(question.subject, counted->integer(0, 0), std::string(figures->bytes(0, 0)), question.advice, places);
}

Result<IntegrityCheck> check_identity(Session& session, const Schema& schema) {
  auto head = session.execute(
      schema.expand("SELECT h.system_identifier, h.timeline, h.incarnation FROM @schema@.head h WHERE h.id = 1"),
      Deadline::in(kConnecting));
  if (!head) return fail(std::move(head.error()));
  if (head->empty()) return fail(codes::kStoreCorrupt, "the row of head is gone");
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

}  // namespace

Result<std::vector<IntegrityCheck>> check_integrity(SessionOpener& opener) {
  auto session = opener.open_unchecked("check", Deadline::in(kConnecting));
  if (!session) return fail(std::move(session.error()));
  const Schema& schema = opener.schema();
  if (auto known = check_schema(**session, schema); !known) return fail(std::move(known.error()));
  std::vector<IntegrityCheck> checks;
  auto identity = check_identity(**session, schema);
  if (!identity) return fail(std::move(identity.error()).with_context("checking the identity of the store"));
  checks.push_back(std::move(*identity));
  for (const Question& question : kQuestions) {
    auto answer = check(**session, schema, question);
    if (!answer) return fail(std::move(answer.error()).with_context("checking that " + std::string(question.subject)));
    checks.push_back(std::move(*answer));
  }
  return checks;
}

}  // namespace penstock::store::postgres
