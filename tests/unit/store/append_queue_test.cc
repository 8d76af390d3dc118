#include "store/append_queue.h"

#include <gtest/gtest.h>

#include <future>

#include "tests/unit/store/lettered_ids.h"

namespace penstock::store {
namespace {

constexpr std::chrono::seconds kLong{30};

AppendRequest request_of(char letter, AfterFailure after_failure, std::string_view stream = "order-1") {
  AppendRequest request{.after_failure = after_failure};
  request.events.push_back(
      make_event({.id = id_of(letter), .stream = stream, .category = "order", .type = "placed", .data = "1"}));
  return request;
}

// Fails the events whose letter was named; notes the batches.
class ScriptedAppender final : public BatchAppender {
 public:
  explicit ScriptedAppender(std::string failing) : failing_(std::move(failing)) {}

  std::vector<Result<AppendReceipt>> append_batch(std::span<const AppendRequest* const> requests) override {
    std::vector<Result<AppendReceipt>> answers;
    for (const AppendRequest* request : requests) {
      const char letter = static_cast<char>(request->events.front()->id.bytes().back());
      tried_ += letter;
      if (failing_.find(letter) == std::string::npos)
        answers.emplace_back(AppendReceipt{});
      else
        answers.emplace_back(fail(codes::kStoreUnavailable, "away"));
    }
    return answers;
  }

  const std::string& tried() const { return tried_; }

 private:
  const std::string failing_;
  std::string tried_;
};

// Pushes all at once, a batch an event, and returns the code of each answer ("" = a receipt).
std::vector<std::string> codes_of(ScriptedAppender& appender, std::vector<AppendRequest> requests) {
  AppendQueue queue(appender, {.batch_events = 1});
  const std::size_t count = requests.size();
  std::vector<std::string> answers(count);
  std::mutex mutex;
  std::promise<void> all;
  std::size_t missing = count;
  queue.push(std::move(requests), Deadline::in(kLong), [&](std::size_t index, Result<AppendReceipt> answer) {
    std::lock_guard lock(mutex);
    answers[index] = answer ? "" : std::string(answer.error().code().name);
    if (--missing == 0) all.set_value();
  });
  EXPECT_EQ(all.get_future().wait_for(kLong), std::future_status::ready);
  return answers;
}

using Codes = std::vector<std::string>;

TEST(AppendQueue, GoesOnBehindAFailedRequest) {
  ScriptedAppender appender("b");
  std::vector<AppendRequest> requests;
  for (const char letter : {'a', 'b', 'c'}) requests.push_back(request_of(letter, AfterFailure::kTryAnyway));
  EXPECT_EQ(codes_of(appender, std::move(requests)), (Codes{"", "store.unavailable", ""}));
}

TEST(AppendQueue, HoldsBackTheRestOfACallBehindAFailedRequest) {
  ScriptedAppender appender("b");
  std::vector<AppendRequest> requests;
  for (const char letter : {'a', 'b', 'c', 'd'}) requests.push_back(request_of(letter, AfterFailure::kHoldBack));
  EXPECT_EQ(codes_of(appender, std::move(requests)),
            (Codes{"", "store.unavailable", "store.held_back", "store.held_back"}));
  EXPECT_EQ(appender.tried(), "ab");
}

TEST(AppendQueue, HoldsBackTheRestOfACallBehindAnUnfitRequest) {
  ScriptedAppender appender("");
  std::vector<AppendRequest> requests;
  requests.push_back(request_of('a', AfterFailure::kHoldBack));
  requests.push_back(request_of('b', AfterFailure::kHoldBack, "$reserved"));
  requests.push_back(request_of('c', AfterFailure::kHoldBack));
  EXPECT_EQ(codes_of(appender, std::move(requests)), (Codes{"", "store.reserved_name", "store.held_back"}));
  EXPECT_EQ(appender.tried(), "a");
}

TEST(AppendQueue, RefusesOnlyTheUnfitRequest) {
  ScriptedAppender appender("");
  std::vector<AppendRequest> requests;
  requests.push_back(request_of('a', AfterFailure::kTryAnyway, "$reserved"));
  requests.push_back(request_of('b', AfterFailure::kTryAnyway));
  EXPECT_EQ(codes_of(appender, std::move(requests)), (Codes{"store.reserved_name", ""}));
}

TEST(AppendQueue, RefusesWhatIsBeyondItsBytes) {
  // Held by its first batch until the rest has been pushed.
  class Gate final : public BatchAppender {
   public:
    std::vector<Result<AppendReceipt>> append_batch(std::span<const AppendRequest* const> requests) override {
      entered.set_value();
      opened.wait();
      return std::vector<Result<AppendReceipt>>(requests.size(), AppendReceipt{});
    }
    std::promise<void> entered, open;
    std::shared_future<void> opened = open.get_future().share();
  } gate;
  std::vector<std::string> answers(3);
  {
    AppendQueue queue(gate, {.queue_bytes = 1});
    const auto push = [&](char letter, std::size_t slot) {
      std::vector<AppendRequest> one(1, request_of(letter, AfterFailure::kTryAnyway));
      queue.push(std::move(one), Deadline::in(kLong), [&answers, slot](std::size_t, Result<AppendReceipt> answer) {
        answers[slot] = answer ? "" : std::string(answer.error().code().name);
      });
    };
    push('a', 0);
    gate.entered.get_future().wait();
    gate.entered = {};
    push('b', 1);
    push('c', 2);
    EXPECT_EQ(answers[2], "store.queue_full");
    gate.open.set_value();
  }
  EXPECT_EQ(answers[0], "");
}

}  // namespace
}  // namespace penstock::store
