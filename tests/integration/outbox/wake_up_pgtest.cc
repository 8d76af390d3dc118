// What ends a wait for rows.
#include <thread>

#include "tests/integration/outbox/outbox_fixture.h"

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
  ASSERT_TRUE(read(*source).empty());
  std::jthread service([&] {
    const auto session = writer();
    session->run("BEGIN; NOTIFY \"Outbox changed\"");
    session->insert("a", 1);
    session->run("COMMIT");
  });
  const auto before = std::chrono::steady_clock::now();
  auto batch = source->read(kMuchRoom, Deadline::in(30s), {});
  ASSERT_TRUE(batch) << batch.error().describe();
  EXPECT_EQ(data_of(batch->items), "1");
  EXPECT_LT(std::chrono::steady_clock::now() - before, 10s);
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
