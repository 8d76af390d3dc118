#include "relay/source_link.h"

#include <gtest/gtest.h>

#include "tests/support/memory_source.h"
#include "tests/support/seeded_random.h"

namespace penstock::relay {
namespace {

using namespace std::chrono_literals;

class SourceLinkTest : public testing::Test, protected SourcePort {
 protected:
  void post(SourceCommand) override {}

  void open() {
    now_ = std::max(now_, link_.next_due());
    link_.open({});
    link_.on_opened(Status(), now_);
  }
  void read(SourceRead answer) {
    link_.read({10, 10'000, connectors::ReadRoom::Window::kEmpty});
    link_.on_read(answer, now_);
  }
  void read_one() {
    connectors::ReadBatch batch;
    batch.items.emplace_back().event = tests::counted_event("a", 1);
    read({std::move(batch)});
  }
  void settle(Status status) {
    link_.settle(ReadMark{1});
    link_.on_settled(status, now_);
  }
  static Status refused() { return fail(codes::kOutboxUnavailable, "a lock was waited for in vain"); }

  tests::SeededRandom random_{1};
  const RetryPolicy policy_{{100ms, 5'000ms}, random_};
  SourceLink link_{*this, policy_};
  SteadyTime now_{};
};

// Each opening would deliver again what can't be settled.
TEST_F(SourceLinkTest, OpensEverMoreSeldomWhileNothingCanBeSettled) {
  for (int i = 0; i < 12; ++i) {
    open();
    read_one();
    read({connectors::ReadBatch{}});  // they are in flight
    settle(refused());
  }
  EXPECT_GT(now_, SteadyTime{} + 5s);
}

TEST_F(SourceLinkTest, BeginsAnewOnceSomethingIsSettledOrThereIsNothing) {
  for (int i = 0; i < 12; ++i) {
    open();
    read_one();
    settle(Status());
    settle(refused());
    open();
    read({connectors::ReadBatch{}});
    link_.rests();
    settle(refused());
  }
  EXPECT_LT(now_, SteadyTime{} + 24 * 100ms);
}

}  // namespace
}  // namespace penstock::relay
