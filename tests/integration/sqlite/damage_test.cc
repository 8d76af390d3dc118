// What `penstock store check` finds of damage that somebody has done to the file.
#include <gtest/gtest.h>

#include "core/random.h"
#include "tests/integration/sqlite/raw_file.h"

namespace penstock::tests {
namespace {

using store::IntegrityCheck;

struct Damage {
  const char* name;
  const char* sql;
  const char* subject;  // the claim that breaks
  const char* place;    // as the words name it
};

void PrintTo(const Damage& damage, std::ostream* out) { *out << damage.name; }

constexpr Damage kDamages[] = {
    {"EventGone", "DROP TRIGGER events_go_below_the_floor; DELETE FROM events WHERE position = 5",
     "positions run from the floor to the head without a gap", "behind position 4"},
    {"LastEventGone", "DROP TRIGGER events_go_below_the_floor; DELETE FROM events WHERE position = 9",
     "positions run from the floor to the head without a gap", "behind position 8"},
    {"DropCutOff", "UPDATE head SET floor = 3", "no drop is unfinished", "position 0"},
    {"VersionSkipped", "DROP TRIGGER events_only_become_stubs; UPDATE events SET version = 7 WHERE position = 9",
     "versions of each stream run from the first in the order of positions", "position 9 of stream \"order-2\""},
    {"TimeBack", "DROP TRIGGER events_only_become_stubs; UPDATE events SET recorded_at = 5 WHERE position = 4",
     "the time of recording never goes back", "position 4"},
    {"StreamAhead", "UPDATE streams SET last_version = 30 WHERE name = 'order-1'",
     "each stream has the category of its events and the version of the last", "stream \"order-1\""},
    {"StreamWithoutEvents", "INSERT INTO streams (name, category, last_version) VALUES ('order-3', 'order', 0)",
     "each stream has the category of its events and the version of the last", "stream \"order-3\""},
    {"EventsCounted", "UPDATE head SET events = events + 1", "streams and events are counted", "events"},
    {"TypeCounted", "UPDATE kinds SET type = 'other' WHERE type = 'placed'",
     "events of each category and type are counted", "type \"placed\" of category \"order\""},
    {"TagGone", "DELETE FROM tags WHERE position = 9", "tags and metadata agree", "tag \"a\" at position 9"},
    {"TagAdded", "INSERT INTO tags VALUES ('x', 1)", "tags and metadata agree", "tag \"x\" at position 1"},
    {"TagOfNothing", "INSERT INTO tags VALUES ('x', 99)", "tags and metadata agree", "tag \"x\" at position 99"},
    {"IndexGone", "DROP INDEX events_id_stream", "indexes are there", "events_id_stream"},
    {"TriggerGone", "DROP TRIGGER events_only_become_stubs", "triggers that guard the log are there",
     "events_only_become_stubs"},
    {"CheckpointNegative",
     "INSERT INTO checkpoints SELECT 'out', -5, zeroblob(16), identifier, 0, incarnation, 1, 0 FROM head",
     "checkpoints stand at events that the log has", "route \"out\" at position -5"},
    {"CheckpointOfAnotherEvent",
     "INSERT INTO checkpoints SELECT 'out', 3, zeroblob(16), identifier, 0, incarnation, 1, 0 FROM head",
     "checkpoints stand at events that the log has", "route \"out\" at position 3"},
};

class SqliteDamage : public testing::TestWithParam<Damage> {
 protected:
  void append(store::Store& store, std::string_view stream, std::string_view metadata = "{}") {
    store::AppendRequest request;
    request.events.push_back(make_event({.id = make_event_id(clock_, random_),
                                         .stream = stream,
                                         .category = "order",
                                         .type = "placed",
                                         .metadata = metadata}));
    ASSERT_TRUE(store.events().append_and_wait(std::move(request), Deadline::in(std::chrono::seconds(30))));
  }

  SystemClock clock_;
  SystemRandom random_;
  TemporaryFolder folder_;
  const std::string path_ = folder_.file("penstock.db");
};

TEST_P(SqliteDamage, IsFoundWithItsPlace) {
  const auto store = open_migrated(path_);
  for (int i = 0; i < 8; ++i) append(*store, "order-1");
  append(*store, "order-2", R"({"tags":["a","a"]})");
  ASSERT_TRUE(store->events().kinds());
  const auto whole = store->check_integrity();
  ASSERT_TRUE(whole) << whole.error().describe();
  for (const IntegrityCheck& check : *whole)
    EXPECT_EQ(check.verdict, IntegrityCheck::Verdict::kProved) << check.subject << ": " << check.words;

  RawFile(path_).execute(GetParam().sql);
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

INSTANTIATE_TEST_SUITE_P(Of, SqliteDamage, testing::ValuesIn(kDamages),
                         [](const auto& parameter) { return std::string(parameter.param.name); });

}  // namespace
}  // namespace penstock::tests
