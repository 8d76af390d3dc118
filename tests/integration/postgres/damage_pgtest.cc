// What `penstock store check` finds of damage that somebody with all rights has done to a store.
#include "store/postgres/rows.h"
#include "tests/integration/postgres/store_fixture.h"

namespace penstock::store::postgres {
namespace {

struct Damage {
  const char* name;
  const char* sql;
  const char* subject;  // the claim that breaks
  const char* place;    // as the words name it
  IntegrityCheck::Verdict verdict = IntegrityCheck::Verdict::kBroken;
};

constexpr Damage kDamages[] = {
    {"EventGone", "DELETE FROM penstock.events WHERE position = 5",
     "positions run from the floor to the head without a gap", "behind position 4"},
    {"LastEventGone", "DELETE FROM penstock.events WHERE position = 9",
     "positions run from the floor to the head without a gap", "behind position 8"},
    {"FloorRaisedByHand", "UPDATE penstock.head SET floor = 3", "the floor is a position of the log", "floor 3"},
    {"FloorBeyondTheHead", "UPDATE penstock.head SET floor = 30", "the floor is a position of the log", "floor 30"},
    {"DropCutOff",
     "UPDATE penstock.head SET floor = 3, floor_id = (SELECT e.id FROM penstock.events e WHERE e.position = 3)",
     "no drop is unfinished", "positions up to 0 of 3 are gone; position 1 is still there; if no",
     IntegrityCheck::Verdict::kNote},
    {"VersionSkipped", "UPDATE penstock.events SET version = 7 WHERE position = 9",
     "versions of each stream run from the first in the order of positions", "position 9 of stream \"order-2\""},
    {"TimeBack", "UPDATE penstock.events SET recorded_at = '2001-01-01' WHERE position = 4",
     "the time of recording never goes back", "position 4"},
    {"HeadRecordedEarlier", "UPDATE penstock.head SET recorded_at = '2001-01-01'",
     "the time of recording never goes back", "head"},
    {"StreamCutBehindItsEnd", "UPDATE penstock.streams SET truncate_before = 9 WHERE name = 'order-1'",
     "no stream is cut behind its end", "stream \"order-1\""},
    {"StreamAhead", "UPDATE penstock.streams SET version = 30 WHERE name = 'order-1'",
     "each stream has the category of its events and the version of the last", "stream \"order-1\""},
    {"CommittedRowOfTheInboxGone", "DELETE FROM penstock.inbox WHERE stream = 'order-3'",
     "each stream has the category of its events and the version of the last", "stream \"order-3\""},
    {"StreamsCounted", "UPDATE penstock.head SET streams = streams + 1", "streams and removed events are counted",
     "streams"},
    {"TypeCounted", "UPDATE penstock.kinds SET type = 'other' WHERE type = 'placed'",
     "events of each category and type are counted", "type \"placed\" of category \"order\""},
    {"CountedBeyondTheHead", "UPDATE penstock.kinds_counted SET position = 1000",
     "events of each category and type are counted", "position 1000, which is beyond the head"},
    {"TagGone", "DELETE FROM penstock.tags WHERE position = 9", "tags and metadata agree", "tag \"a\" at position 9"},
    {"TagAdded", "INSERT INTO penstock.tags VALUES ('x', 1)", "tags and metadata agree", "tag \"x\" at position 1"},
    {"IndexGone", "ALTER TABLE penstock.events DROP CONSTRAINT events_id_stream",
     "indexes are valid and those that migrations make", "events_id_stream"},
    {"IndexOfAnotherColumn",
     "DROP INDEX penstock.events_category; CREATE INDEX events_category ON penstock.events (type)",
     "indexes are valid and those that migrations make", "events_category"},
    {"IndexNotUnique",
     "ALTER TABLE penstock.events DROP CONSTRAINT events_id_stream; CREATE INDEX events_id_stream ON penstock.events"
     " (id, stream)",
     "indexes are valid and those that migrations make", "events_id_stream"},
    {"TriggerOff", "ALTER TABLE penstock.events DISABLE TRIGGER events_are_append_only",
     "triggers that guard the log are switched on and call what they should", "events_are_append_only"},
    {"TriggerThatCallsAnother",
     "DROP TRIGGER events_go_below_the_floor ON penstock.events; CREATE TRIGGER events_go_below_the_floor BEFORE DELETE"
     " ON penstock.events FOR EACH ROW EXECUTE FUNCTION penstock.write_to_removed_stream()",
     "triggers that guard the log are switched on and call what they should", "events_go_below_the_floor"},
    {"BoundsGone", "DROP TRIGGER streams_are_in_bounds ON penstock.streams",
     "triggers that guard the log are switched on and call what they should", "streams_are_in_bounds"},
    {"GuardWithoutEffect",
     "CREATE OR REPLACE FUNCTION penstock.refuse_deletion() RETURNS trigger LANGUAGE plpgsql AS"
     " 'BEGIN RETURN OLD; END'",
     "functions that guard the log are those that migrations make", "refuse_deletion"},
    {"CheckpointNegative",
     "INSERT INTO penstock.checkpoints SELECT 'out', -5, gen_random_uuid(), system_identifier, timeline, incarnation, "
     "1,"
     " now() FROM penstock.head",
     "checkpoints stand at events that the log has", "route \"out\" at position -5"},
    {"CheckpointOfAnotherServer",
     "INSERT INTO penstock.checkpoints SELECT 'out', 0, gen_random_uuid(), '123', timeline, incarnation, 1, now()"
     " FROM penstock.head",
     "checkpoints stand at events that the log has", "route \"out\" at position 0"},
    {"CheckpointOfATimelineToCome",
     "INSERT INTO penstock.checkpoints SELECT 'out', 0, gen_random_uuid(), system_identifier, timeline + 8, "
     "incarnation,"
     " 1, now() FROM penstock.head",
     "checkpoints stand at events that the log has", "1 of them of another system or timeline; faults: 1"},
    {"CheckpointBehindTheFloor",
     "INSERT INTO penstock.checkpoints SELECT 'out', 0, gen_random_uuid(), system_identifier, timeline, incarnation, 1,"
     " now() FROM penstock.head; UPDATE penstock.head SET floor = 3, floor_id = (SELECT e.id FROM penstock.events e"
     " WHERE e.position = 3)",
     "what was dropped before a route had it is on record", "route \"out\" at position 0"},
    {"ImportCutOff", "UPDATE penstock.head SET importing = true", "no import is unfinished", "head 9; head 9; run",
     IntegrityCheck::Verdict::kNote},
    {"GapOpen",
     "INSERT INTO penstock.gaps (route, reason, first_position, last_position, events, recorded_at)"
     " VALUES ('out', 'store.removed', 1, 2, '', now())",
     "no gap waits for an operator", "1 gap records; gap 1 of the route \"out\"", IntegrityCheck::Verdict::kNote},
    {"MiddleRowOfTheInboxGone", "DELETE FROM penstock.inbox WHERE stream = 'order-4' AND version = 1",
     "rows of the inbox are of this incarnation and go on where the log ends", "version 2 of stream \"order-4\""},
    {"FirstRowOfTheInboxGone", "DELETE FROM penstock.inbox WHERE stream = 'order-4' AND version = 0",
     "rows of the inbox are of this incarnation and go on where the log ends", "version 1 of stream \"order-4\""},
    {"NumbersOfTheInboxBack", "SELECT setval('penstock.inbox_ins_seq', 1)",
     "rows of the inbox to come are numbered behind those that wait", "last number 1; faults: 4"},
    {"InboxDoubled", "UPDATE penstock.inbox SET version = 0, stream = 'order-1' WHERE stream = 'order-3'",
     "rows of the inbox are of this incarnation and go on where the log ends", "version 0 of stream \"order-1\""},
};

class StoreDamage : public StoreFixture, public ::testing::WithParamInterface<Damage> {
 protected:
  void run(const std::string& sql) {
    auto done = session()->execute(sql, soon());
    ASSERT_TRUE(done) << sql << ": " << done.error().describe();
  }
};

TEST_P(StoreDamage, IsFoundWithItsPlace) {
  auto store = open_migrated();
  run("SELECT penstock.append('order-1', 'placed', '{}'::jsonb) FROM generate_series(1, 8)");
  run("SELECT penstock.append('order-2', 'placed', '{}'::jsonb, metadata => '{\"tags\":[\"a\"]}')");
  run("SELECT * FROM penstock.sweep(100, true)");
  ASSERT_TRUE(store->events().kinds());
  run("SELECT penstock.append('order-3', 'placed', '{}'::jsonb)");
  run("SELECT penstock.append('order-4', 'placed', '{}'::jsonb) FROM generate_series(1, 3)");
  const auto whole = store->check_integrity();
  ASSERT_TRUE(whole) << whole.error().describe();
  for (const IntegrityCheck& check : *whole)
    EXPECT_EQ(check.verdict, IntegrityCheck::Verdict::kProved) << check.subject << ": " << check.words;

  run("SET session_replication_role = replica; " + std::string(GetParam().sql));
  const auto broken = store->check_integrity();
  ASSERT_TRUE(broken) << broken.error().describe();
  bool found = false;
  for (const IntegrityCheck& check : *broken) {
    if (check.subject != GetParam().subject) continue;
    found = true;
    EXPECT_EQ(check.verdict, GetParam().verdict) << check.words;
    EXPECT_NE(check.words.find(GetParam().place), std::string::npos) << check.words;
  }
  EXPECT_TRUE(found) << "no claim is worded so: " << GetParam().subject;
}

struct Loss {
  const char* name;
  const char* sql;
  const char* words;
};

constexpr Loss kLosses[] = {
    {"HeadRow", "DELETE FROM penstock.head", "the row of head is gone"},
    {"CountersRow", "DELETE FROM penstock.kinds_counted", "the row of kinds_counted is gone"},
    {"Table", "DROP TABLE penstock.gaps", "the table penstock.gaps is gone"},
};

class StoreLoss : public StoreFixture, public ::testing::WithParamInterface<Loss> {};

TEST_P(StoreLoss, OfWhatEveryQuestionNeedsIsNamed) {
  auto store = open_migrated();
  ASSERT_TRUE(session()->execute(GetParam().sql, soon()));
  const auto checks = store->check_integrity();
  ASSERT_FALSE(checks);
  EXPECT_EQ(&checks.error().code(), &codes::kStoreCorrupt) << checks.error().describe();
  EXPECT_NE(checks.error().describe().find(GetParam().words), std::string::npos) << checks.error().describe();
}

INSTANTIATE_TEST_SUITE_P(Of, StoreLoss, ::testing::ValuesIn(kLosses),
                         [](const auto& each) { return std::string(each.param.name); });

INSTANTIATE_TEST_SUITE_P(Of, StoreDamage, ::testing::ValuesIn(kDamages),
                         [](const auto& each) { return std::string(each.param.name); });

}  // namespace
}  // namespace penstock::store::postgres
