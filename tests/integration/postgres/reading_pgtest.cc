#include <thread>

#include "tests/integration/postgres/store_fixture.h"

namespace penstock::store::postgres {
namespace {

class PostgresReading : public StoreFixture {
 protected:
  // Straight into the table, because it is about reading many.
  void fill(int events) {
    execute(
        "INSERT INTO penstock.events SELECT n, n - 1, now(), now(), gen_random_uuid(), 'bulk-1', 'bulk', 'filled',"
        " 'application/json', '{}', NULL FROM generate_series(1, " +
        std::to_string(events) + ") n");
    execute("UPDATE penstock.head SET position = " + std::to_string(events));
  }
};

TEST_F(PostgresReading, LooksAtABoundedStretchForAFilteredPage) {
  auto store = open_migrated();
  fill(120'000);
  const LogFilter rare{{}, {"rare"}};
  Position at{0};
  std::vector<std::int64_t> reached;
  while (at.value < 120'000) {
    const auto page = store->log().read_after(at, {}, rare);
    ASSERT_TRUE(page) << page.error().describe();
    EXPECT_TRUE(page->events->empty());
    ASSERT_GT(page->reached, at);
    reached.push_back((at = page->reached).value);
  }
  EXPECT_EQ(reached, (std::vector<std::int64_t>{50'000, 100'000, 120'000}));
  const auto back = store->log().read_before(Position{120'001}, {}, rare);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->reached, Position{70'001});
}

TEST_F(PostgresReading, ReadsPagesThroughTheIndexWhateverTheStatisticsSay) {
  auto store = open_migrated();
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(store->log().read_after(Position{0}, {}, {}));  // plans on an empty table
  fill(50'000);
  execute("SELECT pg_stat_reset()");
  for (int i = 0; i < 20; ++i)
    ASSERT_EQ(store->log().read_after(Position{40'000}, {.events = 10}, {})->events->size(), 10u);
  store.reset();  // its statistics are reported when its session ends
  wait_for("SELECT idx_tup_fetch >= 200 FROM pg_stat_user_tables WHERE relname = 'events'", "t");
  EXPECT_EQ(value("SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'events'"), "0");
  EXPECT_EQ(value("SELECT idx_tup_fetch <= 400 FROM pg_stat_user_tables WHERE relname = 'events'"), "t");
}

// Statistics that know one category only make a walk over positions look as good as the index.
TEST_F(PostgresReading, FindsARareCategoryByItsIndexWhateverTheStatisticsSay) {
  auto store = open_migrated();
  fill(50'000);
  execute("ANALYZE penstock.events");
  const std::vector<std::string> written =
      append_all(*store, {request("rare-1"), request("order-1"), request("rare-1"), request("order-2")});
  ASSERT_EQ(written, std::vector<std::string>(4, "ok"));
  execute("SELECT pg_stat_reset()");
  const LogFilter rare{{"rare", "none", "rare"}};
  std::vector<std::int64_t> found;
  for (int i = 0; i < 10; ++i) {
    const auto page = store->log().read_after(Position{0}, {}, rare);
    ASSERT_TRUE(page) << page.error().describe();
    found.clear();
    for (const Event& event : page->events->events()) found.push_back(event.position->value);
    EXPECT_EQ(page->reached, Position{50'004 + i});
    const auto back = store->log().read_before(Position{50'004}, {.events = 1}, rare);
    ASSERT_EQ(back->events->size(), 1u);
    EXPECT_EQ(back->reached, Position{50'003});
    EXPECT_EQ(store->log().read_before(Position{50'001}, {}, rare)->reached, Position{1});
    AppendRequest decision = request("decision-1");
    decision.condition = AppendCondition{{{{.categories = {"rare"}, .types = {"never"}}}}, Position{0}};
    ASSERT_EQ(code_of(store->events().append_and_wait(std::move(decision), soon())), "ok");
  }
  EXPECT_EQ(found, (std::vector<std::int64_t>{50'001, 50'003}));
  store.reset();  // its statistics are reported when its session ends
  wait_for("SELECT idx_scan >= 30 FROM pg_stat_user_indexes WHERE indexrelname = 'events_category'", "t");
  EXPECT_EQ(value("SELECT idx_tup_fetch < 1000 FROM pg_stat_user_tables WHERE relname = 'events'"), "t");
}

// How often the tables of events and head are read while so many follow ten appends at the head.
class FollowersAtTheHead : public PostgresReading {
 protected:
  int reads_of_events_with(int followers) {
    auto store = open();
    std::vector<Position> at(static_cast<std::size_t>(followers), *store->log().head());
    const std::string before = value(kReadsOfEvents);
    for (int round = 0; round < 10; ++round) {
      append_all(*store, {request("order-" + std::to_string(round), 2)});
      for (Position& follower : at) {
        EXPECT_GT(*store->log().wait_beyond(follower, soon(), {}), follower);
        const auto page = store->log().read_after(follower, {}, {});
        EXPECT_EQ(page->events->size(), 2u);
        follower = page->reached;
      }
    }
    store.reset();  // its statistics are reported when its session ends
    wait_for(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND application_name LIKE 'penstock test %'",
        "0");
    return std::stoi(value(kReadsOfEvents)) - std::stoi(before);
  }

 private:
  static constexpr const char* kReadsOfEvents =
      "SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = 'events_position'";
};

TEST_F(FollowersAtTheHead, CostTheDatabaseWhatOneDoes) {
  open_migrated();
  const int one = reads_of_events_with(1);
  EXPECT_EQ(one, 10);
  EXPECT_EQ(reads_of_events_with(1'000), one);
}

TEST_F(PostgresReading, AnswersByIndexesAndCountersWhateverIsAsked) {
  auto store = open_migrated();
  fill(60'000);
  execute("INSERT INTO penstock.streams SELECT 'bulk-' || n, 'bulk', 0 FROM generate_series(1, 5000) n");
  ASSERT_TRUE(store->events().kinds());  // counts all of them, once
  store = open();
  wait_for(
      "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
      " AND application_name LIKE 'penstock test %'",
      "0");
  execute("SELECT pg_stat_reset()");
  EXPECT_EQ(store->events().kinds(), (std::vector<KindCount>{{"bulk", "filled", 60'000}}));
  EXPECT_EQ(store->events().counts()->events, 60'000u);
  EXPECT_EQ(store->events().streams({.prefix = "bulk-49", .limit = 3})->size(), 3u);
  EXPECT_EQ(store->events().streams({.prefix = "none"})->size(), 0u);
  EXPECT_EQ(store->log().first_since(Timestamp{}).value(), Position{1});
  EXPECT_EQ(store->log().last_before(Timestamp{}).value(), std::nullopt);
  EXPECT_EQ(store->log().read_before(Position{40'000}, {.events = 10}, {})->events->size(), 10u);
  const EventId id = store->log().read_after(Position{100}, {.events = 1}, {})->events->events()[0].id;
  EXPECT_EQ((*store->events().find_in("bulk-1", id))->position, Position{101});
  store.reset();  // its statistics are reported when its session ends
  wait_for("SELECT idx_tup_fetch > 0 FROM pg_stat_user_tables WHERE relname = 'streams'", "t");
  EXPECT_EQ(value("SELECT sum(seq_scan) FROM pg_stat_user_tables WHERE relname IN ('events', 'streams')"), "0");
  EXPECT_EQ(value("SELECT sum(idx_tup_fetch) < 200 FROM pg_stat_user_tables WHERE relname IN ('events', 'streams')"),
            "t");
}

TEST_F(PostgresReading, GoesOnOverSessionsThatEndedWhileIdle) {
  auto store = open_migrated();
  append_all(*store, {request("order-1", 3)});
  ASSERT_TRUE(store->log().read_after(Position{0}, {}, {}));
  execute(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'penstock test %'"
      " AND datname = current_database()");
  EXPECT_EQ(store->log().read_after(Position{0}, {}, {})->events->size(), 3u);
  EXPECT_EQ(code_of(store->events().append_and_wait(request("order-1"), soon())), "ok");
  EXPECT_EQ(code_of(store->leases().take("route/a", "me")), "ok");
}

TEST_F(PostgresReading, IsNotHeldUpByAnAppendThatWaits) {
  auto store = open_migrated();
  append_all(*store, {request("order-1", 3)});
  auto other = session();
  ASSERT_TRUE(other->execute("BEGIN; SELECT FROM penstock.head FOR UPDATE", soon()));
  std::jthread waiting([&] { append_all(*store, {request("order-1")}); });
  EXPECT_EQ(store->log().read_after(Position{0}, {}, {})->events->size(), 3u);
  EXPECT_EQ(store->log().head(), Position{3});
  ASSERT_TRUE(other->execute("ROLLBACK", soon()));
}

TEST_F(PostgresReading, WakesForTheAppendOfAnotherProgram) {
  auto store = open_migrated(), other = open();
  std::jthread later([&] { append_all(*other, {request("order-1")}); });
  EXPECT_EQ(store->log().wait_beyond(Position{0}, soon(), {}), Position{1});
}

TEST_F(PostgresReading, AsksSeldomWhileNothingHappens) {
  auto store = open_migrated();
  ASSERT_EQ(store->log().head(), Position{0});
  std::vector<std::jthread> waiting;
  for (int i = 0; i < 4; ++i)
    waiting.emplace_back([&] {
      EXPECT_EQ(store->log().wait_beyond(Position{0}, Deadline::in(std::chrono::milliseconds(1'100)), {}), Position{0});
    });
  waiting.clear();
  store.reset();
  wait_for("SELECT sum(idx_scan) > 0 FROM pg_stat_user_tables WHERE relname = 'head'", "t");
  EXPECT_LE(std::stoi(value("SELECT idx_scan FROM pg_stat_user_tables WHERE relname = 'head'")), 12);
}

TEST_F(PostgresReading, LearnsThatTheTailWasLost) {
  auto store = open_migrated();
  append_all(*store, {request("order-1", 3)});
  execute(
      "ALTER TABLE penstock.events DISABLE TRIGGER ALL; DELETE FROM penstock.events WHERE position > 1;"
      "UPDATE penstock.head SET position = 1");
  EXPECT_EQ(store->log().wait_beyond(Position{1}, soon(), {}), Position{3});  // it can't know yet
  EXPECT_TRUE(store->log().read_after(Position{1}, {}, {})->events->empty());
  EXPECT_EQ(store->log().wait_beyond(Position{1}, Deadline::in(std::chrono::milliseconds(300)), {}), Position{1});
}

}  // namespace
}  // namespace penstock::store::postgres
