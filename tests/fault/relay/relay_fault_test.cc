// Seeded runs of the whole relay. PENSTOCK_SEED repeats one seed; PENSTOCK_TEST_SEEDS sets how many are run
// of each kind.
#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/fault/relay/simulation.h"

namespace penstock::tests {
namespace {

using connectors::LaterMayPass;
using relay::OnReject;
using relay::Order;

std::size_t seeds_of_a_kind() {
  const char* text = std::getenv("PENSTOCK_TEST_SEEDS");
  return text != nullptr ? std::strtoul(text, nullptr, 10) : 250;
}

// Runs the plan with many seeds, or with the one that is asked for, and returns the sum of all.
SimulationResult run_seeds(SimulationPlan plan) {
  const char* one = std::getenv("PENSTOCK_SEED");
  const std::uint64_t begin = one != nullptr ? std::strtoull(one, nullptr, 10) : 1;
  const std::uint64_t end = one != nullptr ? begin + 1 : begin + seeds_of_a_kind();
  SimulationResult sum;
  for (plan.seed = begin; plan.seed < end; ++plan.seed) {
    const SimulationResult result = simulate(plan);
    for (const std::string& violation : result.violations)
      ADD_FAILURE() << violation << "; repeat with PENSTOCK_SEED=" << plan.seed;
    sum.arrivals += result.arrivals;
    sum.duplicates += result.duplicates;
    sum.crashes += result.crashes;
    sum.drains += result.drains;
    sum.parked += result.parked;
    if (!result.violations.empty()) break;
  }
  return sum;
}

SimulationPlan calm() { return {}; }

SimulationPlan with_all_faults() {
  SimulationPlan plan;
  plan.refused = 30;
  plan.malformed = 30;
  plan.without_key = 50;
  plan.filtered = 50;
  plan.fail = 60;
  plan.deliver_then_fail = 30;
  plan.hold = 40;
  plan.report_twice = 20;
  plan.break_session = 10;
  plan.sink_open_fails = 300;
  plan.source_fails = 30;
  plan.settle_answer_lost = 30;
  plan.store_goes_away = 1;
  plan.crash = 2;
  return plan;
}

TEST(RelayFaults, CalmRunsDeliverEverythingOnce) {
  const SimulationResult sum = run_seeds(calm());
  EXPECT_EQ(sum.duplicates, 0U);
}

TEST(RelayFaults, StrictOrderHoldsUnderAllFaults) {
  const SimulationResult sum = run_seeds(with_all_faults());
  EXPECT_GT(sum.crashes, 0U);
  EXPECT_GT(sum.parked, 0U);
}

TEST(RelayFaults, OrderHoldsWithASinkThatLetsNothingPass) {
  SimulationPlan plan = with_all_faults();
  plan.later_may_pass = LaterMayPass::kNo;
  EXPECT_GT(run_seeds(plan).crashes, 0U);
}

TEST(RelayFaults, NothingIsLostWhenPipelinedIntoASinkThatReorders) {
  SimulationPlan plan = with_all_faults();
  plan.order = Order::kPipelined;
  EXPECT_GT(run_seeds(plan).crashes, 0U);
}

TEST(RelayFaults, SkippedEventsLeaveARow) {
  SimulationPlan plan = with_all_faults();
  plan.on_reject = OnReject::kSkip;
  plan.refused = 100;
  EXPECT_GT(run_seeds(plan).parked, 0U);
}

TEST(RelayFaults, CrashAtEveryStepCostsAtMostAWindowOfDuplicates) {
  SimulationPlan plan;
  plan.crash = 30;
  plan.attempts = 100;  // it is crashed from outside, often again and again at the same event
  plan.max_in_flight = 6;
  const SimulationResult sum = run_seeds(plan);
  EXPECT_LE(sum.duplicates, sum.crashes * plan.max_in_flight);
}

TEST(RelayFaults, Fault42PoisonousEventsAreFoundOutAndParked) {
  SimulationPlan plan;
  plan.poisonous = 30;
  plan.refused = 20;
  plan.malformed = 20;
  plan.filtered = 50;
  plan.fail = 60;
  plan.hold = 20;
  const SimulationResult sum = run_seeds(plan);
  EXPECT_GT(sum.crashes, 0U);
  EXPECT_GT(sum.parked, 0U);
  plan.later_may_pass = LaterMayPass::kNo;
  plan.instances = 2;
  run_seeds(plan);
}

TEST(RelayFaults, TwoInstancesNeverSubmitUnderALeaseThatRanOut) {
  SimulationPlan plan = with_all_faults();
  plan.instances = 2;
  plan.pause = 2;
  EXPECT_GT(run_seeds(plan).crashes, 0U);
}

TEST(RelayFaults, StoppingWithGraceLeavesNoDuplicate) {
  SimulationPlan plan;
  plan.drain = 10;
  plan.malformed = 20;
  plan.refused = 20;
  plan.fail = 50;
  const SimulationResult sum = run_seeds(plan);
  EXPECT_GT(sum.drains, 0U);
  EXPECT_EQ(sum.duplicates, 0U);
}

TEST(RelayFaults, StoppingWithGraceLeavesNoDuplicateBehindASinkThatLetsNothingPass) {
  SimulationPlan plan;
  plan.drain = 10;
  plan.fail = 30;
  plan.later_may_pass = LaterMayPass::kNo;
  const SimulationResult sum = run_seeds(plan);
  EXPECT_GT(sum.drains, 0U);
  EXPECT_EQ(sum.duplicates, 0U);
}

TEST(RelayFaults, TinyWindowsAndFullSinksMakeProgress) {
  SimulationPlan plan = with_all_faults();
  plan.max_in_flight = 1;
  plan.sink_capacity = 1;
  plan.events = 40;
  run_seeds(plan);
  plan.max_in_flight = 50;
  plan.max_in_flight_bytes = 3'000;
  run_seeds(plan);
}

}  // namespace
}  // namespace penstock::tests
