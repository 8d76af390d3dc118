#include <gtest/gtest.h>

#include <future>
#include <map>
#include <thread>

#include "store/append_queue.h"
#include "tests/unit/store/lettered_ids.h"

namespace penstock::store {
namespace {

constexpr std::chrono::seconds kLong{30};

// Holds its first batch until it is opened; notes the letters of every batch.
class GatedAppender final : public BatchAppender {
 public:
  std::vector<Result<AppendReceipt>> append_batch(std::span<const AppendRequest* const> requests) override {
    std::string letters;
    for (const AppendRequest* request : requests)
      letters += static_cast<char>(request->events.front()->id.bytes().back());
    batches.push_back(letters);
    if (batches.size() == 1) {
      entered.set_value();
      opened.wait();
    }
    return std::vector<Result<AppendReceipt>>(requests.size(), AppendReceipt{});
  }

  std::vector<std::string> batches;  // sequencer only, until the queue is gone
  std::promise<void> entered, open;
  std::shared_future<void> opened = open.get_future().share();
};

// A queue whose sequencer is held inside the batch "a".
class AppendQueueBatches : public testing::Test {
 protected:
  void start(AppendQueueSettings settings = {}) {
    queue_.emplace(appender_, settings);
    push("a");
    appender_.entered.get_future().wait();
  }

  // One request a letter, all in one call.
  void push(std::string_view letters, Deadline deadline = Deadline::in(kLong), std::size_t bytes = 0) {
    std::vector<AppendRequest> requests;
    const std::string data(bytes, 'x');
    for (const char letter : letters)
      requests.push_back(
          {.events = {make_event(
               {.id = id_of(letter), .stream = "order-1", .category = "order", .type = "placed", .data = data})}});
    queue_->push(std::move(requests), deadline, [this, text = std::string(letters)](std::size_t index, auto answer) {
      std::lock_guard lock(mutex_);
      answers_[text[index]] = answer ? "ok" : std::string(answer.error().code().name);
    });
  }

  // Opens the gate, lets everything that is queued be tried, and ends the queue.
  void finish() {
    appender_.open.set_value();
    queue_->stop(Deadline::in(kLong));
    queue_.reset();
  }

  std::string answer_of(char letter) {
    std::lock_guard lock(mutex_);
    return answers_.contains(letter) ? answers_[letter] : "none";
  }

  using Batches = std::vector<std::string>;
  GatedAppender appender_;
  std::mutex mutex_;
  std::map<char, std::string> answers_;
  std::optional<AppendQueue> queue_;
};

TEST_F(AppendQueueBatches, GrowWhileTheOneBeforeCommits) {
  start();
  push("b");
  push("cd");
  push("e");
  finish();
  EXPECT_EQ(appender_.batches, (Batches{"a", "bcde"}));
}

TEST_F(AppendQueueBatches, AreBoundedInEvents) {
  start({.batch_events = 2});
  push("bcdef");
  finish();
  EXPECT_EQ(appender_.batches, (Batches{"a", "bc", "de", "f"}));
}

TEST_F(AppendQueueBatches, AreBoundedInBytesButTakeAnySingleRequest) {
  start({.batch_bytes = 2'500});
  push("b", Deadline::in(kLong), 5'000);
  push("cde", Deadline::in(kLong), 500);
  finish();
  ASSERT_GE(appender_.batches.size(), 3u);
  EXPECT_EQ(appender_.batches[1], "b");
  EXPECT_EQ(appender_.batches[2].front(), 'c');
}

TEST_F(AppendQueueBatches, LeaveOutWhatWaitedBeyondItsDeadline) {
  start();
  push("b", Deadline::in(std::chrono::seconds(0)));
  push("c");
  finish();
  EXPECT_EQ(appender_.batches, (Batches{"a", "c"}));
  EXPECT_EQ(answer_of('b'), "core.timeout");
  EXPECT_EQ(answer_of('c'), "ok");
}

TEST_F(AppendQueueBatches, AreTriedWhileTheQueueDrains) {
  start();
  push("bc");
  finish();
  EXPECT_EQ(answer_of('b'), "ok");
  EXPECT_EQ(answer_of('c'), "ok");
}

TEST_F(AppendQueueBatches, AreRefusedWhenTheDrainHasNoTimeLeft) {
  start();
  push("bc");
  std::jthread stopping([this] { queue_->stop(Deadline::in(std::chrono::seconds(0))); });
  // What comes once the stop is seen is refused at once; until then it only joins the others.
  const Deadline deadline = Deadline::in(kLong);
  while (answer_of('z') != "core.stopped" && !deadline.expired()) push("z");
  appender_.open.set_value();
  stopping.join();
  EXPECT_EQ(appender_.batches, Batches{"a"});
  EXPECT_EQ(answer_of('a'), "ok");
  EXPECT_EQ(answer_of('b'), "core.stopped");
  EXPECT_EQ(answer_of('c'), "core.stopped");
}

TEST_F(AppendQueueBatches, GiveTheirBytesBackWhenTheyAreTaken) {
  start({.queue_bytes = 3'000});
  push("b", Deadline::in(kLong), 2'000);
  push("c", Deadline::in(kLong), 2'000);
  EXPECT_EQ(answer_of('c'), "store.queue_full");
  appender_.open.set_value();
  const Deadline deadline = Deadline::in(kLong);
  while (answer_of('b') != "ok" && !deadline.expired()) std::this_thread::yield();
  push("d", Deadline::in(kLong), 2'000);
  queue_->stop(Deadline::in(kLong));
  EXPECT_EQ(answer_of('d'), "ok");
}

TEST_F(AppendQueueBatches, TakeNothingBehindARequestThatDoesNotFitTheQueue) {
  start({.queue_bytes = 3'000});
  push("b", Deadline::in(kLong), 1'000);
  push("cd", Deadline::in(kLong), 2'000);
  finish();
  EXPECT_EQ(answer_of('c'), "store.queue_full");
  EXPECT_EQ(answer_of('d'), "store.queue_full");
  EXPECT_EQ(appender_.batches, (Batches{"a", "b"}));
}

}  // namespace
}  // namespace penstock::store
