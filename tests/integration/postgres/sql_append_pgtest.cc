// Appends from inside other programs' transactions, penstock.append and penstock.append_many: what they answer.
#include "tests/integration/postgres/sql_append_fixture.h"

namespace penstock::store::postgres {
namespace {

const std::string kId = "00000000-0000-0000-0000-00000000000";

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

}  // namespace
}  // namespace penstock::store::postgres
