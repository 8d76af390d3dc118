// What ends a wait for rows.
#include <thread>

#include "tests/integration/outbox/outbox_fixture.h"
#include "tests/support/eventually.h"

namespace penstock::tests {
namespace {

using namespace std::chrono_literals;

class OutboxWakeUp : public OutboxTest {
 protected:
  // So seldom that only a notification can be what wakes it up.
  void listen_and_hardly_poll() {
    outbox().settings().listen = "Outbox changed";
    outbox().settings().poll_min = outbox().settings().poll_max = 60s;
  }
};

TEST_F(OutboxWakeUp, ComesWithANotification) {
  listen_and_hardly_poll();
  const auto source = open();
  poll_first(*source);
  std::jthread service([&] {
    const auto session = writer();
    session->run("BEGIN; NOTIFY \"Outbox changed\"");
    session->insert("a", 1);
    session->run("COMMIT");
  });
  auto batch = source->read(kMuchRoom, Deadline::in(30s), {});
  ASSERT_TRUE(batch) << batch.error().describe();
  EXPECT_EQ(data_of(batch->items), "1");
  EXPECT_EQ(source->figures().reads, 2U);
}

// For longer than the server keeps a session that says nothing.
TEST_F(OutboxWakeUp, ComesWithNothingElseBeforeThePollIsDue) {
  listen_and_hardly_poll();
  const auto source = open();
  poll_first(*source);
  outbox().insert("a", 1);
  const auto quiet = source->read(kMuchRoom, Deadline::in(6s), {});
  ASSERT_TRUE(quiet) << quiet.error().describe();
  EXPECT_EQ(data_of(quiet->items), "");
  EXPECT_EQ(source->figures().reads, 1U);
  outbox().execute("NOTIFY \"Outbox changed\"");
  const auto told = source->read(kMuchRoom, Deadline::in(30s), {});
  ASSERT_TRUE(told) << told.error().describe();
  EXPECT_EQ(data_of(told->items), "1");
}

// Nobody announces once more what there was no room for.
TEST_F(OutboxWakeUp, ComesSoonAfterARoomThatWasTooSmall) {
  using Window = connectors::ReadRoom::Window;
  listen_and_hardly_poll();
  const auto source = open();
  poll_first(*source);
  for (const connectors::ReadRoom& room :
       {connectors::ReadRoom{0, 16 << 20, Window::kInUse}, connectors::ReadRoom{10, 1'000, Window::kInUse}}) {
    outbox().insert_many(1, 2'000);
    outbox().execute("NOTIFY \"Outbox changed\"");
    const auto nothing = source->read(room, Deadline::in(500ms), {});
    ASSERT_TRUE(nothing) << nothing.error().describe();
    EXPECT_TRUE(nothing->items.empty());
    const auto batch = source->read(kMuchRoom, Deadline::in(30s), {});
    ASSERT_TRUE(batch) << batch.error().describe();
    EXPECT_EQ(batch->items.size(), 1U);
  }
}

// However much is announced, a scan that has become slow leaves the server three quarters of the time.
TEST_F(OutboxWakeUp, ComesNoSoonerAfterASlowScanThanItMay) {
  listen_and_hardly_poll();
  outbox().settings().policy = outbox::KeepRows{};  // without a net, which has a rest of its own
  const auto source = open();
  poll_first(*source);
  const auto service = writer();
  service->run("BEGIN; LOCK TABLE shop.outbox IN ACCESS EXCLUSIVE MODE");
  outbox().execute("NOTIFY \"Outbox changed\"");
  std::jthread release([&] {
    EXPECT_TRUE(eventually([&] { return outbox().value("SELECT count(*) FROM pg_locks WHERE NOT granted") != "0"; }));
    service->run("SELECT pg_sleep(0.3)");
    service->run("COMMIT; NOTIFY \"Outbox changed\"");
  });
  while (source->figures().reads == 1) ASSERT_TRUE(source->read(kMuchRoom, Deadline::in(20ms), {}));
  const auto after = std::chrono::steady_clock::now();
  while (source->figures().reads == 2) ASSERT_TRUE(source->read(kMuchRoom, Deadline::in(20ms), {}));
  EXPECT_GE(std::chrono::steady_clock::now() - after, 600ms);
}

TEST_F(OutboxWakeUp, ComesWithTheStop) {
  listen_and_hardly_poll();
  const auto source = open();
  std::stop_source stop;
  std::jthread stopper([&] { stop.request_stop(); });
  const auto before = std::chrono::steady_clock::now();
  ASSERT_TRUE(source->read(kMuchRoom, Deadline::in(30s), stop.get_token()));
  EXPECT_LT(std::chrono::steady_clock::now() - before, 10s);
}

TEST_F(OutboxWakeUp, ComesWithTheDeadline) {
  listen_and_hardly_poll();
  const auto source = open();
  const auto batch = source->read(kMuchRoom, Deadline::in(20ms), {});
  ASSERT_TRUE(batch);
  EXPECT_TRUE(batch->items.empty());
}

TEST_F(OutboxWakeUp, FindsRowsThatNobodyAnnouncedByPolling) {
  outbox().settings().listen = "outbox_changed";
  const auto source = open();
  ASSERT_TRUE(read(*source).empty());
  outbox().insert("a", 1);
  auto batch = source->read(kMuchRoom, Deadline::in(10s), {});
  ASSERT_TRUE(batch);
  EXPECT_EQ(data_of(batch->items), "1");
}

TEST_F(OutboxWakeUp, IsLeftToTheRelayWithoutAChannel) {
  const auto source = open();
  const auto batch = source->read(kMuchRoom, Deadline::in(10s), {});
  ASSERT_TRUE(batch);
  EXPECT_EQ(batch->idle_for, 250ms);
}

}  // namespace
}  // namespace penstock::tests
