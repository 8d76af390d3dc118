#include "connectors/wal/walsender_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace penstock::wal {
namespace {

using namespace std::chrono_literals;
using Does = Walsender::Does;
using testing::HasSubstr;
using testing::Not;

constexpr std::int64_t kPid = 4711;

std::optional<Walsender> walsender(Does does) { return Walsender{.pid = kPid, .does = does}; }

class WalsenderWatchTest : public testing::Test {
 protected:
  // Looks each second of a silence that lasts so long; the second at which it was found to hang.
  std::optional<int> found_after(std::chrono::seconds silence, Does does) {
    for (auto second = 0s; second <= silence; ++second) {
      if (!watch_.wants_look(second, SteadyTime(start_ += 1s))) continue;
      if (watch_.judge(second, kPid, walsender(does))) return static_cast<int>(second.count());
    }
    return std::nullopt;
  }

  WalsenderWatch watch_{"penstock_orders"};
  Duration start_ = 1'000s;
};

TEST_F(WalsenderWatchTest, FindsOneThatWaitsAndDoesNotAnswerWithinFifteenSeconds) {
  EXPECT_EQ(found_after(60s, Does::kWaits), 13);
}

TEST_F(WalsenderWatchTest, BelievesNoSingleLook) {
  ASSERT_TRUE(watch_.wants_look(12s, SteadyTime(start_)));
  EXPECT_FALSE(watch_.judge(12s, kPid, walsender(Does::kWaits)));
  EXPECT_FALSE(watch_.wants_look(0s, SteadyTime(start_ + 1s)));  // what it had said arrived
  ASSERT_TRUE(watch_.wants_look(12s, SteadyTime(start_ + 13s)));
  EXPECT_FALSE(watch_.judge(12s, kPid, walsender(Does::kWaits)));
}

TEST_F(WalsenderWatchTest, LeavesOneThatWorksAloneForLongerEachTime) {
  EXPECT_EQ(found_after(1h, Does::kWorks), 300);
  EXPECT_EQ(found_after(1h, Does::kWorks), 600);
}

// A new opening alone is no sign that what took long is behind it: the walsender begins again.
TEST_F(WalsenderWatchTest, IsAsPatientAsAtFirstOnceSomethingCameThrough) {
  EXPECT_EQ(found_after(1h, Does::kWorks), 300);
  watch_.opened();
  EXPECT_EQ(found_after(1h, Does::kWorks), 600);
  watch_.came_through();
  EXPECT_EQ(found_after(1h, Does::kWorks), 300);
}

// The system may give its number to another one.
TEST_F(WalsenderWatchTest, ForgetsTheOneThatHungOnceTheSlotWasFree) {
  ASSERT_TRUE(found_after(60s, Does::kWaits));
  watch_.opened();
  EXPECT_EQ(watch_.why_held(walsender(Does::kWaits)).code().name, "wal.slot_in_use");
}

TEST_F(WalsenderWatchTest, FindsAStreamWhoseEndWasLost) {
  const auto ended = watch_.judge(12s, kPid, std::nullopt);
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->code().name, "wal.stalled");
  EXPECT_TRUE(watch_.judge(12s, kPid, Walsender{.pid = kPid + 1}));
}

TEST_F(WalsenderWatchTest, KnowsTheOneThatHungWhenItStillHoldsTheSlot) {
  ASSERT_TRUE(found_after(60s, Does::kWaits));
  const Error held = watch_.why_held(walsender(Does::kWaits));
  EXPECT_EQ(held.code().name, "wal.stalled");
  EXPECT_THAT(held.message(), HasSubstr("SELECT pg_terminate_backend(4711);"));
}

TEST_F(WalsenderWatchTest, NamesWhoElseHoldsTheSlot) {
  const Error held = watch_.why_held(Walsender{.pid = 7, .application = "penstock source orders b"});
  EXPECT_EQ(held.code().name, "wal.slot_in_use");
  EXPECT_THAT(held.message(), testing::AllOf(HasSubstr("pid 7 (penstock source orders b)"), Not(HasSubstr("hangs"))));
  EXPECT_THAT(watch_.why_held(Walsender{.pid = 7, .reader = Walsender::Reader::kSilent}).message(),
              HasSubstr("SELECT pg_terminate_backend(7);"));
}

}  // namespace
}  // namespace penstock::wal
