#include "store/postgres/integrity.h"

namespace penstock::store::postgres {
namespace {

constexpr std::chrono::seconds kConnecting{10};
constexpr std::chrono::hours kChecking{6};

using Verdict = IntegrityCheck::Verdict;

// Answers how many faults there are, and figures in words.
struct Question {
  std::string_view subject, sql, advice;
};

constexpr std::string_view kInspect = "stop every writer and compare with a backup: this can't be mended here";
constexpr std::string_view kRecount = "counters only: appends and reads are not concerned";

constexpr Question kQuestions[] = {
    {"positions run from 1 to the head without a gap",
     "SELECT abs(h.position - h.floor - count(e.position))"
     " + count(*) FILTER (WHERE e.position > h.position OR e.position <= h.floor),"
     " 'head ' || h.position || ', ' || count(e.position) || ' rows'"
     " FROM @schema@.head h LEFT JOIN @schema@.events e ON true GROUP BY h.position, h.floor",
     kInspect},
    {"versions of each stream run from 0 in the order of positions",
     "SELECT count(*) FILTER (WHERE v.step <> 1), count(*) || ' events' FROM (SELECT e.version -"
     " coalesce(lag(e.version) OVER (PARTITION BY e.stream ORDER BY e.position), -1) AS step FROM @schema@.events e) v",
     kInspect},
    {"the time of recording never goes back",
     "SELECT count(*) FILTER (WHERE r.recorded_at < r.before), count(*) || ' events' FROM (SELECT e.recorded_at,"
     " lag(e.recorded_at) OVER (ORDER BY e.position) AS before FROM @schema@.events e WHERE e.removed_at IS NULL) r",
     kInspect},
    {"each stream with events has its row, with its category and no lower version",
     "SELECT count(*) FILTER (WHERE s.name IS NULL OR g.last > s.version OR g.categories > 1 OR g.category <>"
     " s.category), count(*) || ' streams' FROM (SELECT e.stream, max(e.version) AS last, min(e.category) AS category,"
     " count(DISTINCT e.category) AS categories FROM @schema@.events e GROUP BY e.stream) g"
     " LEFT JOIN @schema@.streams s ON s.name = g.stream",
     kInspect},
    {"counters agree with the rows",
     "SELECT (h.streams <> (SELECT count(*) FROM @schema@.streams))::int"
     " + (c.removed <> (SELECT count(*) FROM @schema@.events e WHERE e.removed_at IS NOT NULL))::int"
     " + (coalesce((SELECT sum(k.events) FROM @schema@.kinds k), 0) <> (SELECT count(*) FROM @schema@.events e"
     " WHERE e.removed_at IS NULL AND e.position <= c.position))::int,"
     " h.streams || ' streams, ' || c.removed || ' events removed'"
     " FROM @schema@.head h, @schema@.kinds_counted c",
     kRecount},
    {"tags lead to events",
     "SELECT count(*) FILTER (WHERE e.position IS NULL), count(*) || ' tags' FROM @schema@.tags t"
     " LEFT JOIN @schema@.events e ON e.position = t.position",
     kInspect},
    {"indexes are valid",
     "SELECT count(*) FILTER (WHERE NOT (i.indisvalid AND i.indisready)), count(*) || ' indexes' FROM"
     " pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indrelid JOIN pg_catalog.pg_namespace n"
     " ON n.oid = c.relnamespace WHERE n.nspname = @schema_text@",
     "REINDEX the indexes that pg_index marks as invalid"},
    {"checkpoints stand at events that the log has",
     "SELECT count(*) FILTER (WHERE c.position > h.position OR (c.position > 0 AND e.id IS DISTINCT FROM c.event_id)),"
     " count(*) || ' checkpoints, ' || count(*) FILTER (WHERE c.system_identifier <> h.system_identifier"
     " OR c.timeline <> h.timeline) || ' of them from before a promotion or restore'"
     " FROM @schema@.checkpoints c CROSS JOIN @schema@.head h LEFT JOIN @schema@.events e ON e.position = c.position",
     "the store was restored or lost its tail: compare these routes' sinks with the log before going on"},
    {"rows of the inbox are of this incarnation, and of streams that know them",
     "SELECT count(*) FILTER (WHERE i.incarnation <> h.incarnation OR s.name IS NULL OR s.version < i.version),"
     " count(*) || ' rows without a position' FROM @schema@.inbox i CROSS JOIN @schema@.head h"
     " LEFT JOIN @schema@.streams s ON s.name = i.stream",
     "the next append gives positions to those of an older incarnation; for others compare with a backup"},
    {"no import is unfinished", "SELECT h.importing::int, 'head ' || h.position FROM @schema@.head h",
     "run `penstock store import` with the same file again: it goes on where it ended; until then the store is closed"},
    {"no gap waits for an operator",
     "SELECT count(*) FILTER (WHERE g.acknowledged_at IS NULL), count(*) || ' gap records' FROM @schema@.gaps g",
     "look at `penstock gaps ls`"},
};

IntegrityCheck judged(std::string_view subject, std::int64_t faults, std::string figures, std::string_view advice) {
  if (faults == 0) return {std::string(subject), Verdict::kProved, std::move(figures)};
  return {std::string(subject), Verdict::kBroken,
          figures + "; faults: " + std::to_string(faults) + "; " + std::string(advice)};
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

}  // namespace

Result<std::vector<IntegrityCheck>> check_integrity(SessionOpener& opener) {
  auto session = opener.open_unchecked("check", Deadline::in(kConnecting));
  if (!session) return fail(std::move(session.error()));
  const Schema& schema = opener.schema();
  std::vector<IntegrityCheck> checks;
  auto identity = check_identity(**session, schema);
  if (!identity) return fail(std::move(identity.error()).with_context("checking the identity of the store"));
  checks.push_back(std::move(*identity));
  for (const Question& question : kQuestions) {
    auto answer = (*session)->execute(schema.expand(question.sql), Deadline::in(kChecking));
    if (!answer) return fail(std::move(answer.error()).with_context("checking that " + std::string(question.subject)));
    checks.push_back(
        judged(question.subject, answer->integer(0, 0), std::string(answer->bytes(0, 1)), question.advice));
  }
  return checks;
}

}  // namespace penstock::store::postgres
