#include "cli/catch_up.h"

#include <gtest/gtest.h>

namespace penstock::cli {
namespace {

using std::chrono::seconds;

store::RouteState state(std::string route, std::uint64_t delivered, std::optional<std::int64_t> left) {
  store::RouteState state;
  state.route = std::move(route);
  state.lag_events = left;
  state.details = R"({"delivered":)" + std::to_string(delivered) + R"(,"submitted":9,"parked":1,"filtered":9})";
  return state;
}

class CatchUpTest : public testing::Test {
 protected:
  std::string after_a_second(const std::vector<store::RouteState>& states) {
    now_ += seconds(1);
    return catch_up_.observe(states, now_);
  }
  CatchUp catch_up_;
  SteadyTime now_{seconds(1'000)};
};

TEST_F(CatchUpTest, TellsWhatIsLeftTheRateAndTheTime) {
  EXPECT_EQ(after_a_second({state("store-to-kafka", 0, 100'000)}), "store-to-kafka: 100,000 left, 0/s");
  EXPECT_EQ(after_a_second({state("store-to-kafka", 12'400, 87'600)}), "store-to-kafka: 87,600 left, 12,400/s, 8 s");
}

TEST_F(CatchUpTest, SaysNothingOfARouteThatKeepsUp) {
  EXPECT_EQ(after_a_second({state("calm", 0, 0)}), "");
  EXPECT_EQ(after_a_second({state("calm", 5'000, 12)}), "");
}

TEST_F(CatchUpTest, ShowsTheRateAloneWhereASourceCanNotTellWhatIsLeft) {
  after_a_second({state("orders-to-store", 0, std::nullopt), state("calm", 0, 0)});
  EXPECT_EQ(after_a_second({state("orders-to-store", 2'000, std::nullopt), state("calm", 1, 0)}),
            "orders-to-store: 2,000/s");
}

TEST_F(CatchUpTest, BeginsAnewWhenARouteWasStartedAgain) {
  after_a_second({state("one", 10'000, 50'000)});
  EXPECT_EQ(after_a_second({state("one", 10, 50'000)}), "one: 50,000 left, 0/s");
}

}  // namespace
}  // namespace penstock::cli
