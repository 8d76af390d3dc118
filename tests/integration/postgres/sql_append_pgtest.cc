// Appends from inside other programs' transactions: penstock.append and penstock.append_many.
#include <future>
#include <random>
#include <thread>

#include "store/postgres/rows.h"
#include "tests/integration/postgres/store_fixture.h"
#include "tests/support/eventually.h"

namespace penstock::store::postgres {
namespace {

const std::string kId = "00000000-0000-0000-0000-00000000000";

class SqlAppend : public StoreFixture {
 protected:
  // Of a program that follows the log.
  std::unique_ptr<Store> open_watching() { return open({.inbox = StoreSettings::Inbox::kWatched}); }

  // "ok <version>" or the SQLSTATE.
  static std::string outcome(Session& session, const std::string& call) {
    auto rows = session.execute("SELECT penstock." + call, soon());
    if (!rows) return session.failure().sqlstate;
    return "ok " + std::string(rows->bytes(0, 0));
  }
  std::string outcome(const std::string& call) { return outcome(*session(), call); }

  static std::string append_sql(const std::string& stream, const std::string& metadata = "{}") {
    return "append('" + stream + "', 'placed', '{}'::jsonb, metadata => '" + metadata + "')";
  }
  static void run(Session& session, const std::string& sql) {
    auto done = session.execute(sql, soon());
    ASSERT_TRUE(done) << sql << ": " << done.error().describe();
  }
  std::string log_of(const std::string& columns = "stream || ':' || version") {
    return value("SELECT string_agg(" + columns + ", ' ' ORDER BY position) FROM penstock.events");
  }
  // One append of this program, which sweeps.
  static void append_here(Store& store, const std::string& stream = "here-1") {
    ASSERT_EQ(append_all(store, {request(stream)}), std::vector<std::string>{"ok"});
  }
  // The events of each transaction, marked by `tx` in their metadata, stand side by side.
  void expect_whole_transactions() {
    EXPECT_EQ(
        value("SELECT count(*) FROM (SELECT metadata->>'tx' FROM penstock.events WHERE metadata->>'tx' IS NOT NULL"
              " GROUP BY metadata->>'tx' HAVING max(position) - min(position) + 1 <> count(*)) torn"),
        "0");
  }
};

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

TEST_F(SqlAppend, RefusesTimesThatNoConsumerCanRead) {
  auto store = open_migrated();
  for (const char* time : {"infinity", "-infinity", "294276-01-01", "10000-01-01 00:00:00+00", "0001-01-01 BC"})
    EXPECT_EQ(outcome("append('order-1', 'placed', '{}'::jsonb, occurred_at => '" + std::string(time) + "')"), "22023")
        << time;
  EXPECT_EQ(outcome("append('order-1', 'placed', '{}'::jsonb, occurred_at => '9999-12-31 23:59:59+00')"), "ok 0");
}

TEST_F(SqlAppend, MetadataMayHoldNumbersBeyondADouble) {
  auto store = open_migrated();
  EXPECT_EQ(outcome(R"(append('order-1', 'placed', '{}'::jsonb, metadata => '{"a":1e999999,"k":"v"}'))"), "ok 0");
  append_here(*store);
  LogFilter filter;
  filter.metadata = {{"k", "v"}};
  const auto page = store->log().read_after(Position{0}, {}, filter);
  ASSERT_TRUE(page) << page.error().describe();
  EXPECT_EQ(page->events->size(), 1u);
}

TEST_F(SqlAppend, AnswersVersionsAndKeepsEveryField) {
  auto store = open_migrated();
  EXPECT_EQ(outcome("append('order-item-7', 'placed', '\\x00ff'::bytea, -1, '" + kId +
                    "1', 'application/octet-stream', '{\"tenant\":\"a\"}', 'order-item', '2020-02-03 04:05:06+00')"),
            "ok 0");
  EXPECT_EQ(outcome("append('order-item-7', 'paid', NULL::bytea, 0)"), "ok 1");
  EXPECT_EQ(outcome("append_many('order-2', -1, ARRAY[ROW('a', '1', NULL, NULL, NULL, NULL)::penstock.new_event,"
                    " ROW('b', '2', NULL, 'text/plain', '{\"tags\":[\"t\"]}', NULL)::penstock.new_event])"),
            "ok 1");
  append_here(*store);
  const auto page = store->log().read_after(Position{0}, {}, {});
  ASSERT_TRUE(page) << page.error().describe();
  ASSERT_EQ(page->events->size(), 5u);
  const Event& first = page->events->events()[0];
  EXPECT_EQ(first.id, *EventId::parse(kId + "1"));
  EXPECT_EQ(first.stream, "order-item-7");
  EXPECT_EQ(first.category, "order-item");
  EXPECT_EQ(first.data, std::string("\0\xff", 2));
  EXPECT_EQ(first.content_type, "application/octet-stream");
  EXPECT_EQ(first.metadata, R"({"tenant":"a"})");
  EXPECT_EQ(first.occurred_at, Timestamp(std::chrono::seconds(1'580'702'706)));
  const Event& second = page->events->events()[1];
  EXPECT_EQ(second.category, "order-item");
  EXPECT_EQ(second.data, std::nullopt);
  EXPECT_EQ(second.occurred_at, second.recorded_at);
  EXPECT_EQ(second.id.bytes()[6] >> 4, 7);
  EXPECT_EQ(page->events->events()[2].category, "order");
  EXPECT_EQ(page->events->events()[3].content_type, "text/plain");
  EXPECT_EQ(value("SELECT string_agg(tag || position, ' ') FROM penstock.tags"), "t4");
  EXPECT_EQ(store->events().counts()->streams, 3u);
  expect_sound_log();
}

TEST_F(SqlAppend, FollowsTheTruthTableOfExpectedVersions) {
  open_migrated();
  auto other = session();
  const auto append = [&](const std::string& stream, const std::string& expected) {
    return outcome(*other, "append('" + stream + "', 'placed', '{}'::jsonb, " + expected + ")");
  };
  EXPECT_EQ(append("new-1", "-2"), "ok 0");
  EXPECT_EQ(append("new-2", "-1"), "ok 0");
  EXPECT_EQ(append("new-3", "-4"), "PS001");
  EXPECT_EQ(append("new-3", "0"), "PS001");
  EXPECT_EQ(append("new-1", "-2"), "ok 1");
  EXPECT_EQ(append("new-1", "-1"), "PS001");
  EXPECT_EQ(append("new-1", "-4"), "ok 2");
  EXPECT_EQ(append("new-1", "2"), "ok 3");
  EXPECT_EQ(append("new-1", "2"), "PS001");
  EXPECT_EQ(append("new-1", "9"), "PS001");
  EXPECT_EQ(append("new-1", "-3"), "22023");
  EXPECT_EQ(append("new-1", "NULL"), "22023");
}

TEST_F(SqlAppend, RevivesADeletedStream) {
  auto store = open_migrated();
  ASSERT_TRUE(append_all(*store, {request("gone-1", 3)}) == std::vector<std::string>{"ok"});
  ASSERT_TRUE(store->retention().remove("gone-1", Removal::kDelete, {}));
  const auto append = [&](const std::string& expected) {
    return outcome("append('gone-1', 'placed', '{}'::jsonb, " + expected + ")");
  };
  EXPECT_EQ(append("-4"), "PS002");
  EXPECT_EQ(append("1"), "PS001");
  EXPECT_EQ(append("-1"), "ok 3");
  EXPECT_EQ(append("-1"), "PS001");
  EXPECT_EQ(append("-4"), "ok 4");
  EXPECT_EQ(value("SELECT string_agg(version::text, ' ' ORDER BY version) FROM penstock.stream_events"), "3 4");
}

TEST_F(SqlAppend, WritesNothingToATombstonedStream) {
  auto store = open_migrated();
  ASSERT_TRUE(append_all(*store, {request("gone-1")}) == std::vector<std::string>{"ok"});
  ASSERT_TRUE(store->retention().remove("gone-1", Removal::kTombstone, {}));
  for (const std::string expected : {"-4", "-2", "-1", "0"})
    EXPECT_EQ(outcome("append('gone-1', 'placed', '{}'::jsonb, " + expected + ")"), "PS002") << expected;
  EXPECT_EQ(outcome("append('gone-1', 'placed', '{}'::jsonb, -2, '" + kId + "1')"), "PS002");
  EXPECT_EQ(value("SELECT count(*) FROM penstock.inbox"), "0");
}

// Events that are in the log and events that are still in the inbox count alike.
TEST_F(SqlAppend, FollowsTheTruthTableOfKnownIds) {
  auto store = open_migrated();
  const auto many = [&](const std::string& letters, const std::string& expected) {
    std::string events;
    for (const char letter : letters)
      events += std::string(events.empty() ? "" : ", ") + "ROW('t', '', '" + kId + letter +
                "', NULL, NULL, NULL)::penstock.new_event";
    return outcome("append_many('order-1', " + expected + ", ARRAY[" + events + "])");
  };
  for (const bool swept : {false, true}) {
    if (swept) append_here(*store);
    EXPECT_EQ(many("abc", "-1"), "ok 2");
    EXPECT_EQ(many("abc", "-2"), "ok 2");
    EXPECT_EQ(many("ab", "-4"), "ok 1");
    EXPECT_EQ(many("bc", "0"), "ok 2");
    EXPECT_EQ(many("bc", "-1"), "PS001");
    EXPECT_EQ(many("a", "2"), "PS004");
    EXPECT_EQ(many("b", "1"), "PS001");
    EXPECT_EQ(many("ba", "-2"), "PS004");
    EXPECT_EQ(many("abd", "-1"), "PS004");
    EXPECT_EQ(many("dd", "-2"), "22023");
  }
  EXPECT_EQ(outcome("append('order-2', 't', ''::bytea, -1, '" + kId + "a')"), "ok 0");
  append_here(*store);
  EXPECT_EQ(value("SELECT count(*) FROM penstock.events WHERE stream = 'order-1'"), "3");
  expect_sound_log();
}

TEST_F(SqlAppend, OfAKnownIdTakesNoVersion) {
  auto store = open_migrated();
  const auto with_id = [&](char digit, const std::string& expected = "-2") {
    return outcome("append('order-1', 'placed', '{}'::jsonb, " + expected + ", '" + kId + digit + "')");
  };
  EXPECT_EQ(with_id('1'), "ok 0");
  EXPECT_EQ(with_id('2'), "ok 1");
  for (const bool swept : {false, true}) {
    if (swept) append_here(*store);
    EXPECT_EQ(with_id('1'), "ok 0");
    EXPECT_EQ(with_id('2'), "ok 1");
    EXPECT_EQ(with_id('2', "1"), "PS004");
    EXPECT_EQ(with_id('1', "1"), "PS004");
    EXPECT_EQ(value("SELECT version FROM penstock.streams WHERE name = 'order-1'"), "1");
  }
  EXPECT_EQ(with_id('3', "1"), "ok 2");
  append_here(*store);
  expect_sound_log();
}

TEST_F(SqlAppend, FailsToSerializeWhereTheSnapshotIsOlderThanTheStream) {
  open_migrated();
  auto service = session();
  run(*service, "SET idle_in_transaction_session_timeout = 0");
  for (const std::string level : {"REPEATABLE READ", "SERIALIZABLE"}) {
    const std::string stream = level.substr(0, 1) + "-1";
    for (const char* there : {"ok 0", "ok 1"}) {
      run(*service, "BEGIN ISOLATION LEVEL " + level + "; SELECT 1");
      EXPECT_EQ(outcome(append_sql(stream)), there);
      EXPECT_EQ(outcome(*service, append_sql(stream)), "40001") << level << ", then " << there;
      run(*service, "ROLLBACK");
    }
    run(*service, "BEGIN ISOLATION LEVEL " + level);
    EXPECT_EQ(outcome(*service, append_sql(stream)), "ok 2");
    EXPECT_EQ(outcome(*service, append_sql(stream + "-new")), "ok 0");
    run(*service, "COMMIT");
  }
}

TEST_F(SqlAppend, RefusesWhatCouldNotBeWrittenLater) {
  open_migrated();
  const auto bytes = [](int n) { return "repeat('x', " + std::to_string(n) + ")"; };
  EXPECT_EQ(outcome("append('', 't', ''::bytea)"), "22023");
  EXPECT_EQ(outcome("append(NULL, 't', ''::bytea)"), "22023");
  EXPECT_EQ(outcome("append('$x', 't', ''::bytea)"), "22023");
  EXPECT_EQ(outcome("append('@x', 't', ''::bytea)"), "22023");
  EXPECT_EQ(outcome("append('all', 't', ''::bytea)"), "22023");
  EXPECT_EQ(outcome("append('a-1', '', ''::bytea)"), "22023");
  EXPECT_EQ(outcome("append('a-1', 't', ''::bytea, category => '')"), "22023");
  EXPECT_EQ(outcome("append('a-1', 't', ''::bytea, metadata => '[]')"), "22023");
  EXPECT_EQ(outcome("append('a-1', 't', ''::bytea, id => '00000000-0000-0000-0000-000000000000')"), "22023");
  EXPECT_EQ(outcome("append_many('a-1', -2, ARRAY[]::penstock.new_event[])"), "22023");
  EXPECT_EQ(outcome("append('a-1', 't', ''::bytea, metadata => '{\"a\":\"\\u0000\"}')"), "22P05");
  EXPECT_EQ(outcome("append('a-1', 't', ''::bytea, metadata => '{\"a\":\"\\ud800\"}')"), "22P02");
  EXPECT_EQ(outcome("append(" + bytes(1025) + ", 't', ''::bytea)"), "PS003");
  EXPECT_EQ(outcome("append('a-1', " + bytes(256) + ", ''::bytea)"), "PS003");
  EXPECT_EQ(outcome("append('a-1', 't', " + bytes(1'048'577) + "::bytea)"), "PS003");
  EXPECT_EQ(outcome("append('a-1', 't', ''::bytea, metadata => ('{\"a\":\"' || " + bytes(65'536) + " || '\"}')::json)"),
            "PS003");
  EXPECT_EQ(
      outcome("append('a-1', 't', ''::bytea, metadata => ('{\"tags\":[\"' || " + bytes(256) + " || '\"]}')::json)"),
      "PS003");
  EXPECT_EQ(outcome("append('a-1', 't', ''::bytea, category => " + bytes(256) + ")"), "PS003");
  EXPECT_EQ(outcome("append(" + bytes(256) + ", 't', ''::bytea)"), "PS003");
  EXPECT_EQ(outcome("append_many('a-1', -2, (SELECT array_agg(ROW('t', '', NULL, NULL, NULL, NULL)::penstock.new_event)"
                    " FROM generate_series(1, 1001)))"),
            "PS003");
  EXPECT_EQ(value("SELECT count(*) FROM penstock.inbox"), "0");
  EXPECT_EQ(value("SELECT count(*) FROM penstock.streams"), "0");
  EXPECT_EQ(outcome("append('a-1', 't', ''::bytea)"), "ok 0");
  EXPECT_EQ(outcome("append('a-1', 't', ''::bytea, category => 'b')"), "PS005");
}

TEST_F(SqlAppend, HasTheLimitsOfTheProgramThatWasStartedLast) {
  const auto start = [this](const AppendLimits& limits, StoreSettings::Inbox inbox = StoreSettings::Inbox::kWatched) {
    auto program = open({.limits = limits, .inbox = inbox});
    EXPECT_TRUE(program->migrate());
    return program;
  };
  start({});
  auto service = session();
  const auto with_data = [&](int bytes, const std::string& metadata = "{}") {
    return outcome(*service, "append('a-1', 't', pg_catalog.repeat('x', " + std::to_string(bytes) +
                                 ")::bytea, metadata => '" + metadata + "')");
  };
  EXPECT_EQ(with_data(1 << 20), "ok 0");
  const AppendLimits narrow{.event_bytes = 10,
                            .batch_events = 2,
                            .batch_bytes = 15,
                            .stream_bytes = 5,
                            .type_bytes = 16,
                            .metadata_bytes = 20};
  start(narrow);
  EXPECT_EQ(with_data(10), "ok 1");
  EXPECT_EQ(with_data(11), "PS003");
  EXPECT_EQ(with_data(11, "{\"a\":1}"), "PS003") << "what is out of the ordinary is judged alike";
  const std::string seventeen = "pg_catalog.repeat('x', 17)";
  EXPECT_EQ(outcome(*service, "append('a-1', " + seventeen + ", ''::bytea)"), "PS003");
  EXPECT_EQ(outcome(*service, "append('a-1', 't', ''::bytea, content_type => " + seventeen + ")"), "PS003");
  EXPECT_EQ(outcome(*service, "append('b-1', 't', ''::bytea, category => " + seventeen + ")"), "PS003");
  EXPECT_EQ(outcome(*service, "append('a-1234', 't', ''::bytea)"), "PS003");
  EXPECT_EQ(outcome(*service, "append('a-1', 't', ''::bytea, metadata => '{\"a\":\"0123456789abcd\"}')"), "PS003");
  const auto many = [&](int events, int bytes) {
    return outcome(*service, "append_many('b-1', -2, (SELECT array_agg(ROW('t', pg_catalog.repeat('x', " +
                                 std::to_string(bytes) + ")::bytea, NULL, NULL, NULL, NULL)::penstock.new_event)" +
                                 " FROM generate_series(1, " + std::to_string(events) + ")))");
  };
  EXPECT_EQ(many(3, 1), "PS003");
  EXPECT_EQ(many(2, 8), "PS003");
  EXPECT_EQ(many(2, 7), "ok 1");
  start({}, StoreSettings::Inbox::kSweptByAppends);
  EXPECT_EQ(with_data(11), "PS003") << "a command changes nothing";
  AppendLimits wide;
  wide.event_bytes = wide.batch_bytes = 8 << 20;
  wide.batch_events = 5'000;
  const auto program = start(wide);
  EXPECT_EQ(with_data(2 << 20), "ok 2");
  EXPECT_EQ(many(3'000, 0), "ok 3001");
  append_here(*program);
  EXPECT_EQ(value("SELECT max(octet_length(data)) FROM penstock.events"), std::to_string(2 << 20));
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
