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
  IntegrityCheck::Verdict verdict = IntegrityCheck::Verdict::kBroken;
};

void PrintTo(const Damage& damage, std::ostream* out) { *out << damage.name; }

constexpr Damage kDamages[] = {
    {"EventGone", "DROP TRIGGER events_go_below_the_floor; DELETE FROM events WHERE position = 5",
     "positions run from the floor to the head without a gap", "behind position 4"},
    {"LastEventGone", "DROP TRIGGER events_go_below_the_floor; DELETE FROM events WHERE position = 9",
     "positions run from the floor to the head without a gap", "behind position 8"},
    {"FloorRaisedByHand", "UPDATE head SET floor = 3", "the floor is a position of the log", "floor 3"},
    {"FloorBeyondTheHead", "UPDATE head SET floor = 30, dropped = 30", "the floor is a position of the log",
     "floor 30"},
    {"DropCutOff", "UPDATE head SET floor = 3, floor_id = (SELECT id FROM events WHERE position = 3)",
     "no drop is unfinished", "positions up to 0 of 3 are gone; position 1 is still there; if no",
     IntegrityCheck::Verdict::kNote},
    {"VersionSkipped", "DROP TRIGGER events_only_become_stubs; UPDATE events SET version = 7 WHERE position = 9",
     "versions of each stream run from the first in the order of positions", "position 9 of stream \"order-2\""},
    {"TimeBack", "DROP TRIGGER events_only_become_stubs; UPDATE events SET recorded_at = 5 WHERE position = 4",
     "the time of recording never goes back", "position 4"},
    {"HeadRecordedEarlier", "UPDATE head SET recorded_at = 5", "the time of recording never goes back", "head"},
    {"StreamCutBehindItsEnd", "UPDATE streams SET truncate_before = 9 WHERE name = 'order-1'",
     "no stream is cut behind its end", "stream \"order-1\""},
    {"StubWithData",
     "DROP TRIGGER events_only_become_stubs; UPDATE events SET type = '', content_type = '', metadata = '', recorded_at"
     " = 0, removed_at = 5, data = x'41' WHERE position = 4",
     "what was removed is a stub, and nothing else is", "position 4"},
    {"MetadataCut", "DROP TRIGGER events_only_become_stubs; UPDATE events SET metadata = '{' WHERE position = 4",
     "metadata is a JSON object", "position 4"},
    {"StreamAhead", "UPDATE streams SET last_version = 30 WHERE name = 'order-1'",
     "each stream has the category of its events and the version of the last", "stream \"order-1\""},
    {"StreamWithoutEvents", "INSERT INTO streams (name, category, last_version) VALUES ('order-3', 'order', 0)",
     "each stream has the category of its events and the version of the last", "stream \"order-3\""},
    {"EventsCounted", "UPDATE head SET events = events + 1", "streams and events are counted", "events"},
    {"TypeCounted", "UPDATE kinds SET type = 'other' WHERE type = 'placed'",
     "events of each category and type are counted", "type \"placed\" of category \"order\""},
    {"CountedBeyondTheHead", "UPDATE kinds_counted SET position = 1000", "events of each category and type are counted",
     "position 1000, which is beyond the head"},
    {"TagGone", "DELETE FROM tags WHERE position = 9", "tags and metadata agree", "tag \"a\" at position 9"},
    {"TagAdded", "INSERT INTO tags VALUES ('x', 1)", "tags and metadata agree", "tag \"x\" at position 1"},
    {"TagOfNothing", "INSERT INTO tags VALUES ('x', 99)", "tags and metadata agree", "tag \"x\" at position 99"},
    {"IndexGone", "DROP INDEX events_id_stream", "indexes are those that migrations make", "events_id_stream is gone"},
    {"IndexOfAnotherColumn", "DROP INDEX events_category; CREATE INDEX events_category ON events (type)",
     "indexes are those that migrations make", "events_category is another one"},
    {"IndexNotUnique", "DROP INDEX events_id_stream; CREATE INDEX events_id_stream ON events (id, stream)",
     "indexes are those that migrations make", "events_id_stream is another one"},
    {"TriggerGone", "DROP TRIGGER events_only_become_stubs",
     "triggers that guard the log are those that migrations make", "events_only_become_stubs is gone"},
    {"TriggerWithoutEffect",
     "DROP TRIGGER events_only_become_stubs; CREATE TRIGGER events_only_become_stubs BEFORE UPDATE ON events WHEN 0"
     " BEGIN SELECT 1; END",
     "triggers that guard the log are those that migrations make", "events_only_become_stubs is another one"},
    {"CheckpointNegative",
     "INSERT INTO checkpoints SELECT 'out', -5, zeroblob(16), identifier, 0, incarnation, 1, 0 FROM head",
     "checkpoints stand at events that the log has", "route \"out\" at position -5"},
    {"CheckpointOfAnotherEvent",
     "INSERT INTO checkpoints SELECT 'out', 3, zeroblob(16), identifier, 0, incarnation, 1, 0 FROM head",
     "checkpoints stand at events that the log has", "route \"out\" at position 3"},
    {"CheckpointOfAnotherStore",
     "INSERT INTO checkpoints SELECT 'out', 0, zeroblob(16), '123', 0, incarnation, 1, 0 FROM head",
     "checkpoints stand at events that the log has", "route \"out\" at position 0"},
    {"CheckpointBehindTheFloor",
     "INSERT INTO checkpoints SELECT 'out', 0, zeroblob(16), identifier, 0, incarnation, 1, 0 FROM head;"
     " UPDATE head SET floor = 3, floor_id = (SELECT id FROM events WHERE position = 3)",
     "what was dropped before a route had it is on record", "route \"out\" at position 0"},
    {"ImportCutOff", "UPDATE head SET importing = 1", "no import is unfinished", "run `penstock store import`",
     IntegrityCheck::Verdict::kNote},
    {"GapOpen",
     "INSERT INTO gaps (route, reason, first_position, last_position, events, recorded_at)"
     " VALUES ('out', 'store.removed', 1, 2, '', 0)",
     "no gap waits for an operator", "gap 1 of the route \"out\"", IntegrityCheck::Verdict::kNote},
};

struct Loss {
  const char* name;
  const char* sql;
  const char* words;
};

void PrintTo(const Loss& loss, std::ostream* out) { *out << loss.name; }

constexpr Loss kLosses[] = {
    {"HeadRow", "DELETE FROM head", "the row of head is gone"},
    {"CountersRow", "DELETE FROM kinds_counted", "the row of kinds_counted is gone"},
    {"Table", "DROP TABLE gaps", "the table gaps is gone"},
};

class SqliteStoreOfEvents : public testing::Test {
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

void expect_sound(store::Store& store) {
  const auto whole = store.check_integrity();
  ASSERT_TRUE(whole) << whole.error().describe();
  for (const IntegrityCheck& check : *whole)
    EXPECT_EQ(check.verdict, IntegrityCheck::Verdict::kProved) << check.subject << ": " << check.words;
}

class SqliteDamage : public SqliteStoreOfEvents, public testing::WithParamInterface<Damage> {};

TEST_P(SqliteDamage, IsFoundWithItsPlace) {
  const auto store = open_migrated(path_);
  for (int i = 0; i < 8; ++i) append(*store, "order-1");
  append(*store, "order-2", R"({"tags":["a","a"]})");
  ASSERT_TRUE(store->events().kinds());
  expect_sound(*store);

  RawFile(path_).execute(GetParam().sql);
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

INSTANTIATE_TEST_SUITE_P(Of, SqliteDamage, testing::ValuesIn(kDamages),
                         [](const auto& parameter) { return std::string(parameter.param.name); });

class SqliteLoss : public SqliteStoreOfEvents, public testing::WithParamInterface<Loss> {};

TEST_P(SqliteLoss, OfWhatEveryQuestionNeedsIsNamed) {
  const auto store = open_migrated(path_);
  append(*store, "order-1");
  RawFile(path_).execute(GetParam().sql);
  const auto checks = store->check_integrity();
  ASSERT_FALSE(checks);
  EXPECT_EQ(&checks.error().code(), &codes::kStoreCorrupt) << checks.error().describe();
  EXPECT_NE(checks.error().describe().find(GetParam().words), std::string::npos) << checks.error().describe();
}

INSTANTIATE_TEST_SUITE_P(Of, SqliteLoss, testing::ValuesIn(kLosses),
                         [](const auto& parameter) { return std::string(parameter.param.name); });

using SqliteSoundStore = SqliteStoreOfEvents;

TEST_F(SqliteSoundStore, HasTheTagsOfTheLastOfTwoMembersWithTheirName) {
  const auto store = open_migrated(path_);
  append(*store, "order-1", R"({"tags":["x"],"tags":["y","z"]})");
  append(*store, "order-1", R"({"tags":["x"],"tags":"none"})");
  append(*store, "order-1", R"({"tags":["x"],"inner":{"tags":["w"]}})");
  expect_sound(*store);
}

TEST_F(SqliteSoundStore, HasNoHeadRowWithoutEveryReaderSayingSo) {
  const auto store = open_migrated(path_);
  append(*store, "order-1");
  RawFile(path_).execute("DELETE FROM head");
  EXPECT_EQ(&store->log().head().error().code(), &codes::kStoreCorrupt);
  EXPECT_EQ(&store->identity().error().code(), &codes::kStoreCorrupt);
  EXPECT_EQ(&store->events().counts().error().code(), &codes::kStoreCorrupt);
  EXPECT_EQ(&store->retention().dropped().error().code(), &codes::kStoreCorrupt);
  EXPECT_EQ(&store->retention().raise_floor(Position{1}, {}).error().code(), &codes::kStoreCorrupt);
}

}  // namespace
}  // namespace penstock::tests
