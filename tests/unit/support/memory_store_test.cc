#include "tests/support/memory_store.h"

#include <gtest/gtest.h>

#include <future>

#include "tests/support/manual_clock.h"

namespace penstock::tests {
namespace {

constexpr std::chrono::seconds kFarAway{30};

template <typename T>
std::string code_of(const Result<T>& result) {
  return result ? "ok" : std::string(result.error().code().name);
}

class MemoryStoreFaults : public testing::Test {
 protected:
  static store::AppendRequest request(char letter, store::AfterFailure after = store::AfterFailure::kTryAnyway) {
    std::array<std::uint8_t, 16> bytes{};
    bytes.back() = static_cast<std::uint8_t>(letter);
    return {.events = {make_event({.id = EventId(bytes), .stream = "order-1", .category = "order", .type = "placed"})},
            .after_failure = after};
  }
  Result<store::AppendReceipt> append(char letter) {
    return store_.events().append_and_wait(request(letter), Deadline::in(kFarAway));
  }

  ManualClock clock_;
  std::shared_ptr<MemoryDatabase> database_ = std::make_shared<MemoryDatabase>(clock_);
  MemoryStore store_{database_};
};

TEST_F(MemoryStoreFaults, FailTheNextCallsOfOneKind) {
  database_->fail_next(StoreCall::kAppend, Error(codes::kStoreBusy, "busy"), 2);
  EXPECT_EQ(code_of(append('a')), "store.busy");
  EXPECT_EQ(store_.log().head(), Position{0});
  EXPECT_EQ(code_of(append('a')), "store.busy");
  EXPECT_EQ(code_of(append('a')), "ok");
}

TEST_F(MemoryStoreFaults, LeaveAnEffectInDoubt) {
  database_->set_faults({.after = [](StoreCall call) -> std::optional<Error> {
    if (call != StoreCall::kAppend) return std::nullopt;
    return Error(codes::kStoreInDoubt, "the connection ended");
  }});
  EXPECT_EQ(code_of(append('a')), "store.in_doubt");
  database_->set_faults({});
  EXPECT_EQ(store_.log().head(), Position{1});
  EXPECT_EQ(append('a')->origin, store::AppendReceipt::Origin::kKnown);
}

TEST_F(MemoryStoreFaults, EndAWaitWhenTheDatabaseGoesAway) {
  std::promise<void> waiting;
  database_->set_faults({.before = [&](StoreCall call) -> std::optional<Error> {
    if (call == StoreCall::kWaitBeyond) waiting.set_value();
    return std::nullopt;
  }});
  auto answer = std::async(std::launch::async,
                           [this] { return store_.log().wait_beyond(Position{0}, Deadline::in(kFarAway), {}); });
  waiting.get_future().wait();
  database_->go_away();
  EXPECT_EQ(code_of(answer.get()), "store.unavailable");
}

TEST_F(MemoryStoreFaults, LoseTheTailOfAFailover) {
  for (const char letter : {'a', 'b', 'c'}) ASSERT_TRUE(append(letter));
  database_->lose_events_beyond(Position{1});
  EXPECT_EQ(store_.log().head(), Position{1});
  EXPECT_EQ(append('b')->first_position, Position{2});
  EXPECT_EQ(append('b')->first_version, Version{1});
}

TEST_F(MemoryStoreFaults, EndASessionSoThatItsLeasesAreFree) {
  ASSERT_TRUE(store_.leases().take("route/a", "instance-a"));
  MemoryStore other(database_);
  EXPECT_EQ(code_of(other.leases().take("route/a", "instance-b")), "relay.standby");
  store_.end_session();
  EXPECT_EQ(code_of(other.leases().take("route/a", "instance-b")), "ok");
}

TEST_F(MemoryStoreFaults, AnswerAtOnceInTheCallersThread) {
  MemoryStore at_once(database_, MemoryStore::Appending::kAtOnce);
  std::string code;
  at_once.events().append(request('a'), Deadline::in(kFarAway), [&](auto answer) { code = code_of(answer); });
  EXPECT_EQ(code, "ok");
}

TEST_F(MemoryStoreFaults, HoldBackInTheCallersThreadToo) {
  MemoryStore at_once(database_, MemoryStore::Appending::kAtOnce);
  database_->fail_next(StoreCall::kAppend, Error(codes::kStoreBusy, "busy"));
  std::vector<std::string> codes(2);
  at_once.events().append_many(
      {request('a', store::AfterFailure::kHoldBack), request('b', store::AfterFailure::kHoldBack)},
      Deadline::in(kFarAway), [&](std::size_t index, auto answer) { codes[index] = code_of(answer); });
  EXPECT_EQ(codes, (std::vector<std::string>{"store.busy", "store.held_back"}));
}

}  // namespace
}  // namespace penstock::tests
