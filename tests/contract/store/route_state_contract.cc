#include "tests/contract/store/store_contract.h"

namespace penstock::tests {
namespace {

using store::RouteState;

RouteState state(std::string route, std::string instance = "instance-a", std::string phase = "running") {
  RouteState made;
  made.route = std::move(route);
  made.instance = std::move(instance);
  made.phase = std::move(phase);
  return made;
}

TEST_P(RouteStateContract, GivesBackEveryField) {
  RouteState sent = state("to-kafka");
  sent.phase = "backing off";
  sent.code = "kafka.unavailable";
  sent.message = "no broker answers";
  sent.since = Timestamp(std::chrono::microseconds(1'700'000'000'123'456));
  sent.settled = Position{17};
  sent.lag_events = 3;
  sent.lag_seconds = 1.5;
  sent.details = "{\"delivered\": 17}";
  ASSERT_TRUE(store().route_states().report({sent}));
  const auto list = store().route_states().list();
  ASSERT_TRUE(list) << list.error().describe();
  ASSERT_EQ(list->size(), 1u);
  const RouteState& read = list->front();
  EXPECT_EQ(read.route, sent.route);
  EXPECT_EQ(read.instance, sent.instance);
  EXPECT_EQ(read.phase, sent.phase);
  EXPECT_EQ(read.code, sent.code);
  EXPECT_EQ(read.message, sent.message);
  EXPECT_EQ(read.since, sent.since);
  EXPECT_EQ(read.settled, sent.settled);
  EXPECT_EQ(read.lag_events, sent.lag_events);
  EXPECT_EQ(read.lag_seconds, sent.lag_seconds);
  EXPECT_EQ(read.details, sent.details);
  EXPECT_GT(read.updated_at, Timestamp{});
  EXPECT_EQ(read.reporting, RouteState::Reporting::kNow);
}

TEST_P(RouteStateContract, KeepsWhatIsAbsentAbsent) {
  ASSERT_TRUE(store().route_states().report({state("a")}));
  const RouteState read = store().route_states().list()->at(0);
  EXPECT_FALSE(read.settled);
  EXPECT_FALSE(read.lag_events);
  EXPECT_FALSE(read.lag_seconds);
}

TEST_P(RouteStateContract, ReplacesTheRowOfARouteAndInstance) {
  ASSERT_TRUE(store().route_states().report({state("a"), state("b")}));
  ASSERT_TRUE(
      store().route_states().report({state("a", "instance-a", "blocked"), state("a", "instance-b", "standby")}));
  const auto list = store().route_states().list();
  ASSERT_EQ(list->size(), 3u);
  EXPECT_EQ((*list)[0].phase, "blocked");
  EXPECT_EQ((*list)[1].phase, "standby");
  EXPECT_EQ((*list)[2].route, "b");
}

TEST_P(RouteStateContract, MarksRowsThatAreNoLongerReported) {
  ASSERT_TRUE(store().route_states().report({state("old"), state("new")}));
  backend().age(store::kRouteStateStale + std::chrono::seconds(1));
  ASSERT_TRUE(store().route_states().report({state("new")}));
  const auto list = store().route_states().list();
  ASSERT_EQ(list->size(), 2u);
  EXPECT_EQ((*list)[0].reporting, RouteState::Reporting::kNow);
  EXPECT_EQ((*list)[1].reporting, RouteState::Reporting::kStale);
}

TEST_P(RouteStateContract, ForgetsInstancesThatHaveLongBeenGone) {
  ASSERT_TRUE(store().route_states().report({state("a", "gone"), state("b", "gone")}));
  backend().age(store::kRouteStateKept + std::chrono::minutes(1));
  ASSERT_TRUE(store().route_states().report({state("a", "here")}));
  const auto list = store().route_states().list();
  ASSERT_EQ(list->size(), 1u);
  EXPECT_EQ(list->front().instance, "here");
}

}  // namespace
}  // namespace penstock::tests
