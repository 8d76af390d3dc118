#include "store/sqlite/schema.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/integration/sqlite/raw_file.h"

namespace penstock::tests {
namespace {

template <typename T>
std::string code_of(const Result<T>& result) {
  return result ? "ok" : std::string(result.error().code().name);
}

class SqliteSchema : public testing::Test {
 protected:
  TemporaryFolder folder_;
  const std::string path_ = folder_.file("penstock.db");
};

TEST_F(SqliteSchema, IsPlannedWithoutTouchingAnything) {
  const auto plan = open_file(path_)->plan_migration();
  ASSERT_TRUE(plan) << plan.error().describe();
  EXPECT_EQ(plan->current, 0);
  ASSERT_FALSE(plan->pending.empty());
  EXPECT_EQ(plan->pending.front().number, 1);
  EXPECT_NE(plan->pending.front().sql.find("CREATE TABLE events"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(SqliteSchema, IsMissingUntilItIsMigrated) {
  const auto store = open_file(path_);
  EXPECT_EQ(code_of(store->log().head()), "store.schema_missing");
  EXPECT_FALSE(std::filesystem::exists(path_));
  std::ofstream{path_};
  EXPECT_EQ(code_of(store->log().head()), "store.schema_missing");
  ASSERT_TRUE(store->migrate());
  EXPECT_EQ(store->log().head(), Position{0});
}

TEST_F(SqliteSchema, IsMigratedOnceByManyProgramsAtOnce) {
  std::vector<std::jthread> programs;
  for (int i = 0; i < 6; ++i)
    programs.emplace_back([this] {
      const auto migrated = open_file(path_)->migrate();
      EXPECT_TRUE(migrated) << migrated.error().describe();
    });
  programs.clear();
  EXPECT_TRUE(open_file(path_)->plan_migration()->pending.empty());
  EXPECT_EQ(open_file(path_)->log().head(), Position{0});
}

TEST_F(SqliteSchema, IndexesTheTagsOfEvents) {
  const auto store = open_migrated(path_);
  std::array<std::uint8_t, 16> id{};
  id.back() = 1;
  store::AppendRequest request;
  request.events.push_back(make_event({.id = EventId(id),
                                       .stream = "order-1",
                                       .category = "order",
                                       .type = "placed",
                                       .metadata = R"({"tags":["b","a","b"]})"}));
  ASSERT_TRUE(store->events().append_and_wait(std::move(request), Deadline::in(std::chrono::seconds(30))));
  RawFile file(path_);
  file.execute("CREATE TEMP TABLE expected (tag TEXT, position INTEGER, UNIQUE (tag, position))");
  file.execute("INSERT INTO expected SELECT tag, position FROM tags");
  for (const std::string row : {"('a', 1)", "('b', 1)"})
    EXPECT_NE(file.try_execute("INSERT INTO expected VALUES " + row), "") << row;
}

TEST_F(SqliteSchema, IsRefusedInWordsWhenItIsNewer) {
  open_migrated(path_);
  RawFile(path_).execute("PRAGMA user_version = 999");
  const auto store = open_file(path_);
  for (const std::string& code : {code_of(store->migrate()), code_of(store->plan_migration()),
                                  code_of(store->log().head()), code_of(store->leases().take("route/a", "me"))})
    EXPECT_EQ(code, "store.schema_too_new");
  EXPECT_NE(store->migrate().error().message().find("has schema 999"), std::string::npos);
}

TEST_F(SqliteSchema, StopsAnOlderProgramThatStillRunsWhenItIsMigrated) {
  const auto store = open_migrated(path_);
  const auto append = [&store] {
    store::AppendRequest request;
    request.events.push_back(make_event({.id = *EventId::parse("01890a5d-ac96-774b-bcce-b302099a8057"),
                                         .stream = "order-1",
                                         .category = "order",
                                         .type = "placed"}));
    return store->events().append_and_wait(request, Deadline::in(std::chrono::seconds(30)));
  };
  ASSERT_TRUE(append());
  RawFile(path_).execute("PRAGMA user_version = 999");
  EXPECT_EQ(code_of(append()), "store.schema_too_new");
}

TEST_F(SqliteSchema, IsNeverMixedWithTheTablesOfAnotherProgram) {
  RawFile(path_).execute("CREATE TABLE orders (id INTEGER PRIMARY KEY)");
  const auto store = open_file(path_);
  EXPECT_EQ(code_of(store->migrate()), "store.foreign_database");
  EXPECT_EQ(code_of(store->plan_migration()), "store.foreign_database");
  EXPECT_EQ(code_of(store->log().head()), "store.foreign_database");
  EXPECT_EQ(RawFile(path_).try_execute("SELECT * FROM events"), "no such table: events");
}

TEST_F(SqliteSchema, IsNotLookedForInAFileThatIsNoDatabase) {
  std::ofstream(path_) << std::string(8'192, 'x');
  EXPECT_EQ(code_of(open_file(path_)->migrate()), "store.foreign_database");
  EXPECT_EQ(code_of(open_file(path_)->log().head()), "store.foreign_database");
}

TEST_F(SqliteSchema, NeedsAPath) {
  EXPECT_EQ(code_of(open_file("")->log().head()), "config.invalid");
  EXPECT_EQ(code_of(open_file(":memory:")->migrate()), "config.invalid");
}

TEST_F(SqliteSchema, KeepsEventsFromBeingChanged) {
  const auto store = open_migrated(path_);
  RawFile file(path_);
  file.execute(
      "INSERT INTO events (position, stream, category, version, id, type, content_type, metadata, occurred_at, "
      "recorded_at)"
      " VALUES (1, 's', 's', 0, randomblob(16), 't', 'c', '{}', 0, 0)");
  EXPECT_EQ(file.try_execute("UPDATE events SET type = 'x'"), "events are append-only");
  EXPECT_EQ(file.try_execute("DELETE FROM events"), "events are append-only");
}

}  // namespace
}  // namespace penstock::tests
