#include "relay/retry_policy.h"

#include <gtest/gtest.h>

#include <limits>

#include "tests/support/seeded_random.h"

namespace penstock::relay {
namespace {

using std::chrono::milliseconds;

// Draws what it is told to, so that the bounds of the jitter show.
class FixedRandom final : public Random {
 public:
  explicit FixedRandom(std::uint64_t value) : value_(value) {}
  std::uint64_t next() override { return value_; }

 private:
  const std::uint64_t value_;
};

TEST(RetryPolicy, DoublesItsBoundUpToTheLongest) {
  tests::SeededRandom random(1);
  const RetryPolicy policy({milliseconds(100), milliseconds(5'000)}, random);
  const milliseconds bounds[] = {milliseconds(100),   milliseconds(200),   milliseconds(400),   milliseconds(800),
                                 milliseconds(1'600), milliseconds(3'200), milliseconds(5'000), milliseconds(5'000)};
  std::uint32_t failures = 0;
  for (const milliseconds bound : bounds) {
    Duration longest{};
    ++failures;
    for (int i = 0; i < 400; ++i) longest = std::max(longest, policy.delay_after(failures));
    EXPECT_LE(longest, bound);
    EXPECT_GE(longest, bound * 9 / 10);
  }
}

TEST(RetryPolicy, JitterReachesDownToNothing) {
  FixedRandom random(0);
  EXPECT_EQ(RetryPolicy({milliseconds(100), milliseconds(5'000)}, random).delay_after(7), Duration::zero());
}

TEST(RetryPolicy, SurvivesAnyNumberOfFailures) {
  tests::SeededRandom random(1);
  const RetryPolicy policy({milliseconds(100), milliseconds(5'000)}, random);
  EXPECT_LE(policy.delay_after(std::numeric_limits<std::uint32_t>::max()), milliseconds(5'000));
}

TEST(BackOff, StartsAnewAfterASuccess) {
  FixedRandom random(99'999);
  const RetryPolicy policy({milliseconds(100), milliseconds(5'000)}, random);
  BackOff back_off(policy);
  const SteadyTime now = SteadyTime() + std::chrono::hours(1);
  back_off.failed(now);
  back_off.failed(now);
  EXPECT_EQ(back_off.failures(), 2U);
  back_off.succeeded();
  EXPECT_LE(back_off.until(), now);
  back_off.failed(now);
  EXPECT_LE(back_off.until(), now + milliseconds(100));
}

}  // namespace
}  // namespace penstock::relay
