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
};

constexpr Damage kDamages[] = {
    {"EventGone", "DELETE FROM penstock.events WHERE position = 5",
     "positions run from the floor to the head without a gap", "behind position 4"},
    {"LastEventGone", "DELETE FROM penstock.events WHERE position = 9",
     "positions run from the floor to the head without a gap", "behind position 8"},
    {"DropCutOff", "UPDATE penstock.head SET floor = 3", "no drop is unfinished", "position 0"},
    {"VersionSkipped", "UPDATE penstock.events SET version = 7 WHERE position = 9",
     "versions of each stream run from the first in the order of positions", "position 9 of stream \"order-2\""},
    {"TimeBack", "UPDATE penstock.events SET recorded_at = '2001-01-01' WHERE position = 4",
     "the time of recording never goes back", "position 4"},
    {"StreamAhead", "UPDATE penstock.streams SET version = 30 WHERE name = 'order-1'",
     "each stream has the category of its events and the version of the last", "stream \"order-1\""},
    {"CommittedRowOfTheInboxGone", "DELETE FROM penstock.inbox WHERE stream = 'order-3'",
     "each stream has the category of its events and the version of the last", "stream \"order-3\""},
    {"StreamsCounted", "UPDATE penstock.head SET streams = streams + 1", "streams and removed events are counted",
     "streams"},
    {"TypeCounted", "UPDATE penstock.kinds SET type = 'other' WHERE type = 'placed'",
     "events of each category and type are counted", "type \"placed\" of category \"order\""},
    {"TagGone", "DELETE FROM penstock.tags WHERE position = 9", "tags and metadata agree", "tag \"a\" at position 9"},
    {"TagAdded", "INSERT INTO penstock.tags VALUES ('x', 1)", "tags and metadata agree", "tag \"x\" at position 1"},
    {"IndexGone", "ALTER TABLE penstock.events DROP CONSTRAINT events_id_stream", "indexes are there and valid",
     "events_id_stream"},
    {"TriggerOff", "ALTER TABLE penstock.events DISABLE TRIGGER events_are_append_only",
     "triggers that guard the log are switched on", "events_are_append_only"},
    {"CheckpointNegative",
     "INSERT INTO penstock.checkpoints SELECT 'out', -5, gen_random_uuid(), system_identifier, timeline, incarnation, "
     "1,"
     " now() FROM penstock.head",
     "checkpoints stand at events that the log has", "route \"out\" at position -5"},
    {"InboxDoubled", "UPDATE penstock.inbox SET version = 0, stream = 'order-1'",
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
    EXPECT_EQ(check.verdict, IntegrityCheck::Verdict::kBroken) << check.words;
    EXPECT_NE(check.words.find(GetParam().place), std::string::npos) << check.words;
  }
  EXPECT_TRUE(found) << "no claim is worded so: " << GetParam().subject;
}

INSTANTIATE_TEST_SUITE_P(Of, StoreDamage, ::testing::ValuesIn(kDamages),
                         [](const auto& each) { return std::string(each.param.name); });

}  // namespace
}  // namespace penstock::store::postgres
