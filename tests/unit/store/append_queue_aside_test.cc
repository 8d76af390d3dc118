// Requests whose stream somebody else holds.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <map>
#include <set>

#include "store/append_queue.h"
#include "tests/unit/store/lettered_ids.h"

namespace penstock::store {
namespace {

constexpr std::chrono::seconds kLong{30};

// Answers store.stream_locked for the streams that are held, and, as every appender does, for what would overtake
// such a request within its batch; notes what it wrote, in order.
class HoldingAppender final : public BatchAppender {
 public:
  std::vector<Result<AppendReceipt>> append_batch(std::span<const AppendRequest* const> requests) override {
    ++batches_;
    std::lock_guard lock(mutex_);
    std::vector<Result<AppendReceipt>> answers;
    std::set<std::string> locked = held_;
    for (const AppendRequest* request : requests) {
      const auto streams = request->streams();
      if (std::any_of(streams.begin(), streams.end(),
                      [&](std::string_view stream) { return locked.contains(std::string(stream)); })) {
        locked.insert(streams.begin(), streams.end());
        ++refused_;
        answers.emplace_back(fail(codes::kStoreStreamLocked, "held"));
      } else {
        written_ += static_cast<char>(request->events.front()->id.bytes().back());
        answers.emplace_back(AppendReceipt{});
      }
    }
    return answers;
  }
  void hold(const std::string& stream) {
    std::lock_guard lock(mutex_);
    held_.insert(stream);
  }
  void let_go(const std::string& stream) {
    std::lock_guard lock(mutex_);
    held_.erase(stream);
  }
  std::string written() {
    std::lock_guard lock(mutex_);
    return written_;
  }
  int batches() const { return batches_; }
  int refused() const { return refused_; }

 private:
  std::mutex mutex_;
  std::set<std::string> held_;
  std::string written_;
  std::atomic<int> batches_ = 0, refused_ = 0;
};

class AppendQueueAside : public testing::Test {
 protected:
  // One request for each letter, in a call of its own.
  void push(std::string_view letters, std::vector<std::string> streams, Deadline deadline = Deadline::in(kLong),
            AfterFailure after_failure = AfterFailure::kTryAnyway) {
    std::vector<AppendRequest> requests;
    for (const char letter : letters) {
      AppendRequest request{.after_failure = after_failure};
      request.events.push_back(
          make_event({.id = id_of(letter), .stream = streams.front(), .category = "order", .type = "placed"}));
      for (std::size_t i = 1; i < streams.size(); ++i) request.checks.push_back({streams[i], StreamExists{}});
      requests.push_back(std::move(request));
    }
    queue_.push(std::move(requests), deadline, [this, text = std::string(letters)](std::size_t index, auto answer) {
      std::lock_guard lock(mutex_);
      answers_[text[index]] = answer ? "ok" : std::string(answer.error().code().name);
      changed_.notify_all();
    });
  }
  std::string answer_of(char letter) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, kLong, [&] { return answers_.contains(letter); });
    return answers_.contains(letter) ? answers_[letter] : "none";
  }
  bool is_open(char letter) {
    std::lock_guard lock(mutex_);
    return !answers_.contains(letter);
  }

  HoldingAppender appender_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<char, std::string> answers_;
  AppendQueue queue_{appender_, {}};
};

TEST_F(AppendQueueAside, WaitWhileOthersGoOn) {
  appender_.hold("a");
  push("1", {"a"});
  push("2", {"b"});
  EXPECT_EQ(answer_of('2'), "ok");
  EXPECT_TRUE(is_open('1'));
  appender_.let_go("a");
  EXPECT_EQ(answer_of('1'), "ok");
}

TEST_F(AppendQueueAside, KeepTheOrderOfTheirStream) {
  appender_.hold("a");
  push("1", {"a"});
  while (appender_.refused() == 0) std::this_thread::yield();
  push("2", {"a"});
  push("3", {"b"});
  EXPECT_EQ(answer_of('3'), "ok");
  push("45", {"a"});
  appender_.let_go("a");
  EXPECT_EQ(answer_of('5'), "ok");
  EXPECT_EQ(appender_.written(), "31245");
}

// What waits for one of its streams stands before later requests for the others.
TEST_F(AppendQueueAside, StandBeforeLaterOnesForAnyOfTheirStreams) {
  appender_.hold("a");
  push("1", {"a"});
  while (appender_.refused() == 0) std::this_thread::yield();
  push("2", {"b", "a"});
  push("3", {"b"});
  push("4", {"c"});
  EXPECT_EQ(answer_of('4'), "ok");
  appender_.let_go("a");
  EXPECT_EQ(answer_of('3'), "ok");
  EXPECT_EQ(appender_.written(), "4123");
}

TEST_F(AppendQueueAside, EndWithTheirReasonAtTheDeadline) {
  appender_.hold("a");
  push("1", {"a"}, Deadline::in(std::chrono::milliseconds(100)));
  EXPECT_EQ(answer_of('1'), "store.stream_locked");
  push("23", {"a"}, Deadline::in(std::chrono::milliseconds(100)), AfterFailure::kHoldBack);
  EXPECT_EQ(answer_of('2'), "store.stream_locked");
  EXPECT_EQ(answer_of('3'), "store.held_back");
  EXPECT_EQ(appender_.written(), "");
}

TEST_F(AppendQueueAside, AreTriedWhileTheQueueDrains) {
  appender_.hold("a");
  push("1", {"a"});
  while (appender_.refused() == 0) std::this_thread::yield();
  std::jthread stopping([this] { queue_.stop(Deadline::in(kLong)); });
  appender_.let_go("a");
  EXPECT_EQ(answer_of('1'), "ok");
}

TEST_F(AppendQueueAside, AreRefusedAtTheEndOfTheDrain) {
  appender_.hold("a");
  push("12", {"a"});
  while (appender_.refused() == 0) std::this_thread::yield();
  queue_.stop(Deadline::in(std::chrono::milliseconds(50)));
  EXPECT_EQ(answer_of('1'), "core.stopped");
  EXPECT_EQ(answer_of('2'), "core.stopped");
}

TEST_F(AppendQueueAside, DoNotKeepASequenceFromRunning) {
  appender_.hold("a");
  push("1", {"a"});
  while (appender_.refused() == 0) std::this_thread::yield();
  for (int i = 0; i < 3; ++i) {
    const int before = appender_.batches();
    queue_.sequence();
    EXPECT_GT(appender_.batches(), before);
  }
  EXPECT_TRUE(is_open('1'));
}

TEST(AppendQueueSequence, ReturnsAtOnceWhenTheQueueHasStopped) {
  HoldingAppender appender;
  AppendQueue queue(appender, {});
  queue.sequence();
  EXPECT_EQ(appender.batches(), 1);
  queue.stop(Deadline::in(kLong));
  queue.sequence();
  EXPECT_EQ(appender.batches(), 1);
}

}  // namespace
}  // namespace penstock::store
