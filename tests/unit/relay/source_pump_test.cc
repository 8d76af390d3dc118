#include "relay/source_pump.h"

#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <limits>
#include <thread>
#include <vector>

#include "tests/support/eventually.h"
#include "tests/support/manual_clock.h"
#include "tests/support/memory_store.h"

namespace penstock::relay {
namespace {

// What its server sees of a source.
struct SignsOfLife {
  std::atomic<int> count = 0;
  std::atomic<int> lost_after = std::numeric_limits<int>::max();
};

// Looks at its stop token for a moment, as a call does that waits for a server.
class WaitingSource final : public connectors::Source {
 public:
  explicit WaitingSource(SignsOfLife& life) : life_(life) {}

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
  Status keep_alive() override {
    if (++life_.count <= life_.lost_after) return {};
    return fail(codes::kOutboxUnavailable, "the session was lost");
  }
  void close() override {}
  connectors::SourceFigures figures() const override { return {}; }

 private:
  SignsOfLife& life_;
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
  SignsOfLife life_;
  SourcePump pump_{std::make_unique<WaitingSource>(life_),
                   {store_.parked(), store_.attempts()},
                   {"one", "outbox"},
                   3,
                   inbox_,
                   std::chrono::milliseconds(1)};
};

const connectors::ReadRoom kRoom{10, 10'000, connectors::ReadRoom::Window::kEmpty};

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
  pump_.post(ReadSource{kRoom});
  pump_.post(SettleSource{ReadMark{1}});
  const auto read = take();
  ASSERT_FALSE(std::get<SourceRead>(read).batch);
  EXPECT_EQ(&std::get<SourceRead>(read).batch.error().code(), &codes::kStopped);
}

TEST_F(SourcePumpTest, KeepsASourceAliveThatIsToBeReadLater) {
  pump_.post(OpenSource{{"route/one", "me", Epoch{1}}});
  take();
  pump_.post(ReadSource{kRoom, std::chrono::steady_clock::now() + std::chrono::hours(1)});
  const int before = life_.count;
  EXPECT_TRUE(tests::eventually([&] { return life_.count > before + 2; }));
  pump_.post(SettleSource{ReadMark{1}});
  const auto read = take();
  ASSERT_TRUE(std::get<SourceRead>(read).batch);
  EXPECT_GT(std::get<SourceRead>(read).batch->idle_for, std::chrono::minutes(50));
}

TEST_F(SourcePumpTest, AnswersAReadForLaterWhenTheSourceIsLost) {
  pump_.post(OpenSource{{"route/one", "me", Epoch{1}}});
  take();
  pump_.post(ReadSource{kRoom, std::chrono::steady_clock::now() + std::chrono::hours(1)});
  life_.lost_after = life_.count.load() + 1;
  auto read = take();
  if (std::holds_alternative<SourceLost>(read)) read = take();  // the read was not under way yet
  ASSERT_FALSE(std::get<SourceRead>(read).batch);
  EXPECT_EQ(&std::get<SourceRead>(read).batch.error().code(), &codes::kOutboxUnavailable);
}

TEST_F(SourcePumpTest, SaysThatASourceWasLostOfWhichNothingIsAsked) {
  pump_.post(OpenSource{{"route/one", "me", Epoch{1}}});
  take();
  life_.lost_after = life_.count.load() + 1;
  const auto lost = take();
  EXPECT_EQ(&std::get<SourceLost>(lost).error.code(), &codes::kOutboxUnavailable);
}

}  // namespace
}  // namespace penstock::relay
