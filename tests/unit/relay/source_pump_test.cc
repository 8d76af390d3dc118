#include "relay/source_pump.h"

#include <gtest/gtest.h>

#include <deque>
#include <thread>
#include <vector>

#include "tests/support/manual_clock.h"
#include "tests/support/memory_store.h"

namespace penstock::relay {
namespace {

// Looks at its stop token for a moment, as a call does that waits for a server.
class WaitingSource final : public connectors::Source {
 public:
  Status open(const connectors::OpenRequest& /*request*/, Deadline /*deadline*/, std::stop_token stop) override {
    const Deadline answer = Deadline::in(std::chrono::milliseconds(5));
    while (!answer.expired())
      if (stop.stop_requested()) return fail(codes::kStopped, "the opening was interrupted");
    return {};
  }
  Result<connectors::ReadBatch> read(const connectors::ReadRoom& /*room*/, Deadline deadline,
                                     std::stop_token stop) override {
    while (!deadline.expired() && !stop.stop_requested()) std::this_thread::yield();
    if (stop.stop_requested()) return fail(codes::kStopped, "the reading was interrupted");
    return connectors::ReadBatch{};
  }
  Status settle(ReadMark /*mark*/) override { return {}; }
  void close() override {}
  connectors::SourceFigures figures() const override { return {}; }
};

class SourcePumpTest : public testing::Test {
 protected:
  SourceAnswer take() {
    while (answers_.empty()) {
      inbox_.take(post_, std::chrono::steady_clock::now() + std::chrono::seconds(10));
      for (auto& one : post_.answers) answers_.push_back(std::move(one.answer));
    }
    SourceAnswer next = std::move(answers_.front());
    answers_.pop_front();
    return next;
  }

  tests::ManualClock clock_;
  tests::MemoryStore store_{std::make_shared<tests::MemoryDatabase>(clock_), tests::MemoryStore::Appending::kAtOnce};
  RouteInbox inbox_;
  RouteInbox::Post post_;
  std::deque<SourceAnswer> answers_;
  SourcePump pump_{
      std::make_unique<WaitingSource>(), {store_.parked(), store_.attempts()}, {"one", "outbox"}, 3, inbox_};
};

// On busy processors, so that the pump may run between any two steps of a post.
TEST_F(SourcePumpTest, InterruptsNoCommandByItsOwnPost) {
  std::vector<std::jthread> busy;
  for (unsigned i = 0; i < 2 * std::thread::hardware_concurrency(); ++i)
    busy.emplace_back([](const std::stop_token& stop) {
      while (!stop.stop_requested()) {
      }
    });
  for (int round = 0; round < 300; ++round) {
    pump_.post(OpenSource{{"route/one", "me", Epoch{1}}});
    const auto opened = take();
    ASSERT_TRUE(std::get<SourceOpened>(opened).status) << "in round " << round;
  }
}

TEST_F(SourcePumpTest, EndsAReadThatWaitsForTheNextCommand) {
  pump_.post(OpenSource{{"route/one", "me", Epoch{1}}});
  take();
  pump_.post(ReadSource{{10, 10'000, connectors::ReadRoom::Window::kEmpty}});
  pump_.post(SettleSource{ReadMark{1}});
  const auto read = take();
  ASSERT_FALSE(std::get<SourceRead>(read).batch);
  EXPECT_EQ(&std::get<SourceRead>(read).batch.error().code(), &codes::kStopped);
}

}  // namespace
}  // namespace penstock::relay
