#include <future>
#include <thread>

#include "tests/integration/postgres/cutting_proxy.h"
#include "tests/integration/postgres/store_fixture.h"

namespace penstock::store::postgres {
namespace {

using Answer = std::future<Result<AppendReceipt>>;

const std::string kAppenders = "application_name LIKE 'penstock % append' AND datname = current_database()";

class PostgresAppend : public StoreFixture {
 protected:
  static Answer append_later(Store& store, AppendRequest request) {
    auto answer = std::make_shared<std::promise<Result<AppendReceipt>>>();
    auto future = answer->get_future();
    store.events().append(std::move(request), soon(),
                          [answer](Result<AppendReceipt> receipt) { answer->set_value(std::move(receipt)); });
    return future;
  }
  void wait_until_an_append_waits() {
    wait_for("SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND " + kAppenders, "t");
  }
  void end_appenders() { execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE " + kAppenders); }
};

TEST_F(PostgresAppend, GivesTwoProgramsOneLogWithoutAGap) {
  auto first = open_migrated(), second = open();
  std::vector<std::jthread> writers;
  for (Store* store : {first.get(), second.get()})
    writers.emplace_back([store] {
      for (int batch = 0; batch < 20; ++batch) {
        std::vector<AppendRequest> requests;
        for (int i = 0; i < 1 + batch * 5; ++i) requests.push_back(request("order-" + std::to_string(i % 7)));
        for (const std::string& code : append_all(*store, std::move(requests))) EXPECT_EQ(code, "ok");
      }
    });
  writers.clear();
  EXPECT_EQ(value("SELECT position FROM penstock.head"), "1940");
  expect_sound_log();
}

// One round trip, few rows by arrays, many by COPY: each way writes the rows of the tags.
TEST_F(PostgresAppend, IndexesTagsOnEveryWayIn) {
  auto store = open_migrated();
  const auto append = [&](std::size_t events) {
    AppendRequest request;
    for (std::size_t i = 0; i < events; ++i)
      request.events.push_back(event("order-1", i == 0 ? R"({"tags":["b","a"]})" : "{}"));
    EXPECT_EQ(code_of(store->events().append_and_wait(std::move(request), soon())), "ok");
  };
  append(1);
  append(2);
  append(100);
  EXPECT_EQ(value("SELECT string_agg(tag || position, ' ' ORDER BY position, tag) FROM penstock.tags"),
            "a1 b1 a2 b2 a4 b4");
  EXPECT_EQ(value(R"(SELECT penstock.tags_of('{"tags":["b","a","b","",1]}'))"), "{a,b}");
  EXPECT_EQ(value(R"(SELECT penstock.tags_of('{"tags":"a"}'))"), "{}");
}

// A follower that polls while two programs publish misses nothing. Elsewhere a shared lock of publishers
// lost an event in two of three runs.
TEST_F(PostgresAppend, ShowsAFollowerEveryEventInOrder) {
  constexpr int kRuns = 30, kEvents = 40;
  auto setup = open_migrated();
  for (int run = 0; run < kRuns; ++run) {
    auto first = open(), second = open(), reading = open();
    const Position start = *reading->log().head();
    std::vector<std::jthread> publishers;
    for (Store* store : {first.get(), second.get()})
      publishers.emplace_back([store, run] {
        const std::string stream = "run-" + std::to_string(run);
        for (int i = 0; i < kEvents; ++i)
          EXPECT_EQ(code_of(store->events().append_and_wait(request(stream), soon())), "ok");
      });
    Position at = start;
    std::int64_t version = -1;
    const Deadline deadline = soon();
    while (at.value < start.value + 2 * kEvents && !deadline.expired()) {
      const auto page = reading->log().read_after(at, {.events = 7}, {});
      ASSERT_TRUE(page) << page.error().describe();
      for (const Event& event : page->events->events()) {
        ASSERT_EQ(event.position->value, at.value + 1);
        ASSERT_EQ(event.version->value, ++version);
        at = *event.position;
      }
    }
    ASSERT_EQ(at.value, start.value + 2 * kEvents) << "run " << run;
  }
  expect_sound_log();
}

TEST_F(PostgresAppend, WritesOnceThoughItsBackendIsEndedWhileItWaits) {
  auto store = open_migrated();
  ASSERT_EQ(append_all(*store, {request("order-1")}), std::vector<std::string>{"ok"});
  for (const std::size_t events : {1u, 100u}) {
    auto other = session();
    ASSERT_TRUE(other->execute("BEGIN; SELECT FROM penstock.head FOR UPDATE", soon()));
    Answer answer = append_later(*store, request("order-1", events));
    wait_until_an_append_waits();
    end_appenders();
    ASSERT_TRUE(other->execute("ROLLBACK", soon()));
    const auto receipt = answer.get();
    ASSERT_TRUE(receipt) << receipt.error().describe();
    EXPECT_EQ(receipt->origin, AppendReceipt::Origin::kWritten);
  }
  EXPECT_EQ(value("SELECT position FROM penstock.head"), "102");
  expect_sound_log();
}

TEST_F(PostgresAppend, FindsACommitWhoseAnswerWasLost) {
  open_migrated();
  auto server = session();
  tests::CuttingProxy proxy(static_cast<std::uint16_t>(std::stoi(value("SHOW port"))));
  auto store = open({.url = Secret(url() + "?host=127.0.0.1&port=" + std::to_string(proxy.port()))});
  ASSERT_EQ(append_all(*store, {request("order-1")}), std::vector<std::string>{"ok"});
  proxy.keep_answers_back();
  Answer answer = append_later(*store, request("order-1"));
  wait_for("SELECT position FROM penstock.head", "2");
  proxy.cut();
  const auto receipt = answer.get();
  ASSERT_TRUE(receipt) << receipt.error().describe();
  EXPECT_EQ(receipt->first_version, Version{1});
  EXPECT_EQ(receipt->origin, AppendReceipt::Origin::kWritten);
  EXPECT_EQ(value("SELECT position FROM penstock.head"), "2");
  expect_sound_log();
}

TEST_F(PostgresAppend, SaysInDoubtWhenNobodyCanTell) {
  open_migrated();
  auto proxy = std::make_unique<tests::CuttingProxy>(static_cast<std::uint16_t>(std::stoi(value("SHOW port"))));
  auto store = open({.url = Secret(url() + "?host=127.0.0.1&port=" + std::to_string(proxy->port()))});
  ASSERT_EQ(append_all(*store, {request("order-1")}), std::vector<std::string>{"ok"});
  proxy->keep_answers_back();
  const AppendRequest again = request("order-1");
  Answer answer = append_later(*store, again);
  wait_for("SELECT position FROM penstock.head", "2");
  proxy.reset();
  EXPECT_EQ(code_of(answer.get()), "store.in_doubt");
  const auto receipt = open()->events().append_and_wait(again, soon());
  ASSERT_TRUE(receipt) << receipt.error().describe();
  EXPECT_EQ(receipt->first_version, Version{1});
  EXPECT_EQ(receipt->origin, AppendReceipt::Origin::kKnown);
}

TEST_F(PostgresAppend, CreatesMoreStreamsThanOneTransactionMayLock) {
  auto store = open_migrated();
  std::vector<AppendRequest> requests;
  for (int i = 0; i < 1'000; ++i) requests.push_back(request("order-" + std::to_string(i % 700)));
  for (const std::string& code : append_all(*store, std::move(requests))) ASSERT_EQ(code, "ok");
  EXPECT_EQ(store->events().counts()->streams, 700u);
  expect_sound_log();
}

TEST_F(PostgresAppend, WaitsAsideForAStreamThatSomebodyElseHolds) {
  auto store = open_migrated();
  append_all(*store, {request("order-1"), request("order-2")});
  auto other = session();
  ASSERT_TRUE(other->execute("BEGIN; SELECT FROM penstock.streams WHERE name = 'order-1' FOR UPDATE", soon()));
  Answer first = append_later(*store, request("order-1")), second = append_later(*store, request("order-1", 2));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(append_all(*store, {request("order-2")}), std::vector<std::string>{"ok"});
  EXPECT_EQ(first.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  ASSERT_TRUE(other->execute("ROLLBACK", soon()));
  EXPECT_EQ(first.get()->first_version, Version{1});
  EXPECT_EQ(second.get()->first_version, Version{2});
  expect_sound_log();
}

TEST_F(PostgresAppend, WaitsAsideForAStreamThatSomebodyElseCreates) {
  auto store = open_migrated();
  auto other = session();
  const std::string lock = "SELECT pg_advisory_xact_lock(hashtextextended('penstock.penstock.stream.order-1', 0))";
  ASSERT_TRUE(other->execute("BEGIN; " + lock, soon()));
  Answer waiting = append_later(*store, request("order-1"));
  EXPECT_EQ(append_all(*store, {request("order-2")}), std::vector<std::string>{"ok"});
  EXPECT_EQ(waiting.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  ASSERT_TRUE(other->execute("ROLLBACK", soon()));
  EXPECT_EQ(code_of(waiting.get()), "ok");
}

TEST_F(PostgresAppend, SaysAtTheDeadlineThatAStreamIsLocked) {
  auto store = open_migrated();
  append_all(*store, {request("order-1")});
  auto other = session();
  ASSERT_TRUE(other->execute("BEGIN; SELECT FROM penstock.streams WHERE name = 'order-1' FOR UPDATE", soon()));
  const auto answer = store->events().append_and_wait(request("order-1"), Deadline::in(std::chrono::milliseconds(300)));
  EXPECT_EQ(code_of(answer), "store.stream_locked");
  EXPECT_EQ(answer.error().kind(), ErrorKind::kThrottled);
  ASSERT_TRUE(other->execute("ROLLBACK", soon()));
  EXPECT_EQ(append_all(*store, {request("order-1")}), std::vector<std::string>{"ok"});
}

TEST_F(PostgresAppend, FailsOnlyTheRequestWhoseDataTheServerRefuses) {
  auto store = open_migrated();
  // Deeper than the server's stack allows; by itself it is JSON.
  const std::string deep = R"({"a":)" + std::string(30'000, '[') + std::string(30'000, ']') + "}";
  AppendRequest culprit;
  culprit.events = {event("order-2", deep)};
  const auto codes = append_all(*store, {request("order-1"), std::move(culprit), request("order-3", 50)});
  EXPECT_EQ(codes, (std::vector<std::string>{"ok", "store.invalid_request", "ok"}));
  expect_sound_log();
}

TEST_F(PostgresAppend, EndsASessionOfOursThatHangsInsideACopy) {
  auto store = open_migrated();
  append_all(*store, {request("order-1")});
  auto hanging = session();
  ASSERT_TRUE(hanging->execute("CREATE TABLE public.t (n int)", soon()));
  ASSERT_TRUE(hanging->execute("BEGIN; SELECT FROM penstock.head FOR UPDATE", soon()));
  std::atomic<bool> stuck = true;
  std::jthread copier([&] {
    // Stops in the middle of its data, as a client that was paused does.
    const auto no_more = [&]() -> std::string_view {
      while (stuck) std::this_thread::yield();
      return "";
    };
    EXPECT_FALSE(hanging->copy_in("COPY public.t FROM STDIN", no_more, soon()));
  });
  const auto receipt = append_later(*store, request("order-1")).get();
  stuck = false;
  ASSERT_TRUE(receipt) << receipt.error().describe();
  EXPECT_NE(log_.text().find("ended a session"), std::string::npos) << log_.text();
}

TEST_F(PostgresAppend, IsFencedByANewIncarnationOnce) {
  auto store = open_migrated();
  append_all(*store, {request("order-1")});
  execute("UPDATE penstock.head SET incarnation = incarnation + 1");
  EXPECT_EQ(append_all(*store, {request("order-1")}), std::vector<std::string>{"store.fenced"});
  EXPECT_EQ(append_all(*store, {request("order-1")}), std::vector<std::string>{"ok"});
}

TEST_F(PostgresAppend, RaisesTheIncarnationOnAnotherClusterOrTimeline) {
  open_migrated();
  EXPECT_EQ(open()->identity()->incarnation, 1);
  execute("UPDATE penstock.head SET timeline = timeline + 7");
  EXPECT_EQ(open()->identity()->incarnation, 2);
  execute("UPDATE penstock.head SET system_identifier = 'another'");
  auto store = open();
  EXPECT_EQ(store->identity()->incarnation, 3);
  EXPECT_EQ(store->identity()->system_identifier, value("SELECT system_identifier FROM pg_control_system()"));
  EXPECT_EQ(open()->identity()->incarnation, 3);
}

TEST_F(PostgresAppend, RecordsTimesThatNeverGoBack) {
  auto store = open_migrated();
  append_all(*store, {request("order-1")});
  execute("UPDATE penstock.head SET recorded_at = '2100-01-01'");
  append_all(*store, {request("order-1"), request("order-2", 50)});
  append_all(*store, {request("order-1")});
  EXPECT_EQ(value("SELECT count(*) FROM penstock.events WHERE recorded_at = '2100-01-01'"), "52");
  expect_sound_log();
}

}  // namespace
}  // namespace penstock::store::postgres
