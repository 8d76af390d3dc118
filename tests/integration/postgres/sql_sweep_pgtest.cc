// How appends from inside other programs' transactions get their positions.
#include <future>
#include <random>
#include <thread>

#include "tests/integration/postgres/sql_append_fixture.h"
#include "tests/support/eventually.h"

namespace penstock::store::postgres {
namespace {

const std::string kId = "00000000-0000-0000-0000-00000000000";

// The server believes the inbox to be empty, as it nearly always is; a plan that fits nothing else compares
// every row with every other one, and ends at the statement's time limit.
TEST_F(SqlAppend, MovesALargeBacklogThoughPlansWereMadeForAnEmptyInbox) {
  auto store = open_migrated();
  auto service = session();
  run(*service, "VACUUM ANALYZE penstock.inbox");
  run(*service,
      "INSERT INTO penstock.streams (name, category, version)"
      " SELECT 'order-' || n, 'order', 1 FROM generate_series(1, 20000) n");
  run(*service,
      "INSERT INTO penstock.inbox (xid8, incarnation, version, id, stream, category, type, content_type, metadata, "
      "tags)"
      " SELECT (n + 100)::text::xid8, 1, v, gen_random_uuid(), 'order-' || n, 'order', 'placed', 'text/plain',"
      " json_build_object('tx', n), '{}' FROM generate_series(1, 20000) n, generate_series(0, 1) v ORDER BY v, n");
  append_here(*store);
  EXPECT_EQ(store->log().head()->value, 40'001);
  expect_whole_transactions();
}

TEST_F(SqlAppend, IsSeenByItsWriterBeforeItHasAPosition) {
  auto store = open_migrated();
  append_here(*store, "order-1");
  auto other = session();
  run(*other, "BEGIN");
  EXPECT_EQ(outcome(*other, append_sql("order-1")), "ok 1");
  const auto rows = other->execute(
      "SELECT string_agg(version || ':' || coalesce(position::text, '-'), ' ' ORDER BY version)"
      " FROM penstock.stream_events WHERE stream = 'order-1'",
      soon());
  ASSERT_TRUE(rows) << rows.error().describe();
  EXPECT_EQ(rows->bytes(0, 0), "0:1 1:-");
  run(*other, "COMMIT");
  EXPECT_EQ(value("SELECT count(*) FROM penstock.events"), "1");
}

TEST_F(SqlAppend, GetsItsPositionFromAProgramThatAppendsNothing) {
  auto store = open_migrated();
  auto watching = open_watching();
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(outcome(append_sql("order-1")), "ok " + std::to_string(i));
    const auto head = watching->log().wait_beyond(Position{i}, soon(), {});
    ASSERT_TRUE(head) << head.error().describe();
    ASSERT_EQ(*head, Position{i + 1});
  }
  expect_sound_log();
}

TEST_F(SqlAppend, ComesBeforeAnAppendThatWasJudgedByIt) {
  auto store = open_migrated();
  EXPECT_EQ(outcome(append_sql("order-1")), "ok 0");
  const auto answer = store->events().append_and_wait({.expected = Version{0}, .events = {event("order-1")}}, soon());
  ASSERT_TRUE(answer) << answer.error().describe();
  EXPECT_EQ(answer->first_version, Version{1});
  EXPECT_EQ(answer->first_position, Position{2});
  EXPECT_EQ(log_of(), "order-1:0 order-1:1");
}

TEST_F(SqlAppend, LeavesNothingWhenItsTransactionIsRolledBack) {
  auto store = open_migrated();
  auto other = session();
  run(*other, "BEGIN; SELECT penstock." + append_sql("order-1") + "; ROLLBACK");
  append_here(*store);
  EXPECT_EQ(outcome(append_sql("order-1")), "ok 0");
  append_here(*store);
  EXPECT_EQ(log_of(), "here-1:0 order-1:0 here-1:1");
  expect_sound_log();
}

TEST_F(SqlAppend, OfALongTransactionDelaysNobodyElse) {
  auto store = open_migrated();
  auto slow = session(), fast = session();
  run(*slow, "SET idle_in_transaction_session_timeout = 0; BEGIN");
  EXPECT_EQ(outcome(*slow, append_sql("slow-1")), "ok 0");
  EXPECT_EQ(outcome(*fast, append_sql("fast-1")), "ok 0");
  append_here(*store);
  EXPECT_EQ(log_of(), "fast-1:0 here-1:0");
  run(*slow, "SELECT penstock." + append_sql("slow-2") + "; COMMIT");
  append_here(*store);
  EXPECT_EQ(log_of(), "fast-1:0 here-1:0 slow-1:0 slow-2:0 here-1:1");
  expect_sound_log();
}

TEST_F(SqlAppend, OfAClientThatIsKilledIsAsIfItNeverWas) {
  auto store = open_migrated();
  auto other = session();
  run(*other, "BEGIN");
  EXPECT_EQ(outcome(*other, append_sql("order-1")), "ok 0");
  auto waiting =
      std::async(std::launch::async, [&] { return store->events().append_and_wait(request("order-1"), soon()); });
  append_here(*store);
  execute("SELECT pg_terminate_backend(" + std::to_string(other->server().pid) + ")");
  const auto answer = waiting.get();
  ASSERT_TRUE(answer) << answer.error().describe();
  EXPECT_EQ(answer->first_version, Version{0});
  EXPECT_EQ(log_of(), "here-1:0 order-1:0");
  expect_sound_log();
}

TEST_F(SqlAppend, IsFollowedByAnAppendThatWaitedForItsTransaction) {
  auto store = open_migrated();
  auto other = session();
  for (const std::string stream : {"order-1", "order-1", "order-2"}) {
    run(*other, "BEGIN");
    const std::string before = outcome(*other, append_sql(stream));
    auto waiting =
        std::async(std::launch::async, [&] { return store->events().append_and_wait(request(stream), soon()); });
    append_here(*store);
    run(*other, "COMMIT");
    const auto answer = waiting.get();
    ASSERT_TRUE(answer) << answer.error().describe();
    EXPECT_EQ("ok " + std::to_string(answer->first_version.value - 1), before);
  }
  expect_sound_log();
}

TEST_F(SqlAppend, KnowsAnIdThatAnotherTransactionWasAboutToWrite) {
  open_migrated();
  EXPECT_EQ(outcome(append_sql("order-1")), "ok 0");
  int digit = 0;
  for (const std::string metadata : {"{}", R"({"tenant":"a"})"}) {
    const std::string call = "append('order-1', 'placed', '{}'::jsonb, id => '" + kId + std::to_string(++digit) +
                             "', metadata => '" + metadata + "')";
    auto first = session(), second = session();
    run(*first, "BEGIN");
    const std::string written = outcome(*first, call);
    auto waiting = std::async(std::launch::async, [&] { return outcome(*second, call); });
    const std::string waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND pid = " +
                              std::to_string(second->server().pid);
    EXPECT_TRUE(tests::eventually([&] { return value(waits) == "1"; }));
    run(*first, "COMMIT");
    EXPECT_EQ(waiting.get(), written) << metadata;
  }
  EXPECT_EQ(value("SELECT count(*) FROM penstock.inbox"), "3");
}

// A transaction that began to write first, and commits last, must not bring a version before a lower one.
TEST_F(SqlAppend, KeepsTheOrderOfAStreamWhoeverBeganFirst) {
  auto store = open_migrated();
  auto early = session(), late = session();
  run(*early, "SET idle_in_transaction_session_timeout = 0; BEGIN");
  EXPECT_EQ(outcome(*early, append_sql("a-1", R"({"tx":"early"})")), "ok 0");
  run(*late, "BEGIN");
  EXPECT_EQ(outcome(*late, append_sql("b-1", R"({"tx":"late"})")), "ok 0");
  run(*late, "COMMIT");
  EXPECT_EQ(outcome(*early, append_sql("b-1", R"({"tx":"early"})")), "ok 1");
  run(*early, "COMMIT");
  append_here(*store);
  EXPECT_EQ(log_of(), "b-1:0 a-1:0 b-1:1 here-1:0");
}

// A backlog is swept in parts, each of whole transactions; one that is larger than a part is moved alone.
TEST_F(SqlAppend, IsSweptInPartsOfWholeTransactions) {
  open_migrated();
  auto other = session();
  const auto many = [](int tx) {
    return "SELECT penstock.append_many('order-" + std::to_string(tx % 5) +
           "', -2, (SELECT array_agg(ROW('t', '', NULL, NULL, '{\"tx\":\"" + std::to_string(tx) +
           "\"}', NULL)::penstock.new_event) FROM generate_series(1, 900)))";
  };
  for (int tx = 0; tx < 14; ++tx) run(*other, many(tx));
  std::string large = "BEGIN";
  for (int part = 0; part < 12; ++part) large += ";" + many(100);
  run(*other, large + "; COMMIT");
  for (int tx = 20; tx < 24; ++tx) run(*other, many(tx));
  auto store = open();
  append_here(*store);
  EXPECT_EQ(value("SELECT count(*) FROM penstock.inbox"), "0");
  EXPECT_EQ(value("SELECT position FROM penstock.head"), std::to_string((14 + 12 + 4) * 900 + 1));
  expect_whole_transactions();
  expect_sound_log();
}

// A sweep looks at all that waits, so there is a backlog that takes longer than a statement may.
TEST_F(SqlAppend, IsSweptHoweverLongTheBacklogTakes) {
  open_migrated();
  auto other = session();
  ASSERT_EQ(outcome(*other, append_sql("b-1", "{}")), "ok 0");
  execute(
      "ALTER FUNCTION penstock.sweep(bigint, boolean) RENAME TO quick_sweep;"
      "CREATE FUNCTION penstock.sweep(bigint, boolean) RETURNS TABLE (moved bigint, head bigint,"
      " recorded_at timestamptz, remain boolean) LANGUAGE plpgsql AS $$ BEGIN"
      " IF EXISTS (SELECT FROM penstock.inbox) AND current_setting('statement_timeout') <> '0' THEN"
      "  PERFORM pg_sleep(60); END IF;"
      " RETURN QUERY SELECT * FROM penstock.quick_sweep($1, $2); END $$");
  auto store = open();
  append_here(*store);
  EXPECT_EQ(log_of(), "b-1:0 here-1:0");
}

// Services that append to several streams in one transaction, programs that append beside them, and one that
// watches: whatever interleaves, the log is sound and a follower misses nothing.
TEST_F(SqlAppend, KeepsOneLogWithAppendsOfPrograms) {
  open_migrated();
  auto watching = open_watching(), appending = open();
  constexpr int kServices = 3, kRounds = 60;
  std::atomic<int> committed = 0;
  std::vector<std::jthread> writers;
  for (int service = 0; service < kServices; ++service)
    writers.emplace_back([&, service] {
      auto own = session();
      std::minstd_rand random(static_cast<unsigned>(service + 1));
      for (int round = 0; round < kRounds; ++round) {
        const std::string tx = R"({"tx":")" + std::to_string(service) + "." + std::to_string(round) + R"("})";
        // Locks are taken in one order, so that the services don't lock each other out.
        int first = static_cast<int>(random() % 6), second = static_cast<int>(random() % 6);
        if (first > second) std::swap(first, second);
        const bool keep = random() % 5 != 0;
        std::string sql = "BEGIN; SELECT penstock." + append_sql("shared-" + std::to_string(first), tx) +
                          "; SELECT pg_sleep(0.001); SELECT penstock." +
                          append_sql("shared-" + std::to_string(second), tx) + (keep ? "; COMMIT" : "; ROLLBACK");
        auto done = own->execute(sql, soon());
        ASSERT_TRUE(done) << done.error().describe();
        if (keep) committed += 2;
      }
    });
  for (Store* store : {watching.get(), appending.get()})
    writers.emplace_back([&, store] {
      for (int round = 0; round < kRounds; ++round) {
        const auto answer = store->events().append_and_wait(
            request("shared-" + std::to_string(round % 6), static_cast<std::size_t>(1 + round % 3)), soon());
        ASSERT_TRUE(answer) << answer.error().describe();
        committed += 1 + round % 3;
      }
    });
  writers.clear();
  const auto head = watching->log().wait_beyond(Position{committed - 1}, soon(), {});
  ASSERT_TRUE(head) << head.error().describe();
  EXPECT_EQ(*head, Position{committed});
  expect_whole_transactions();
  expect_sound_log();
}

}  // namespace
}  // namespace penstock::store::postgres
