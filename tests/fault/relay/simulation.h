// A whole relay, or two of them on one store, driven by a seed: state machines over memory doubles, a
// clock that stands still until nothing else can happen, faults and crashes in between any two steps.
// One thread, no sleep; the same seed is the same run.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "relay/route_machine.h"
#include "relay/source_worker.h"
#include "tests/support/manual_clock.h"
#include "tests/support/memory_sink.h"
#include "tests/support/memory_source.h"
#include "tests/support/memory_store.h"
#include "tests/support/recording_log.h"
#include "tests/support/seeded_random.h"

namespace penstock::tests {

// Chances are in 1,000 per occasion.
struct SimulationPlan {
  std::uint64_t seed = 0;
  std::size_t events = 80, keys = 5;
  std::size_t instances = 1;
  connectors::LaterMayPass later_may_pass = connectors::LaterMayPass::kYes;
  relay::Order order = relay::Order::kStrict;
  relay::OnReject on_reject = relay::OnReject::kParkEvent;
  std::size_t max_in_flight = 20;
  std::size_t max_in_flight_bytes = 1 << 20;
  std::uint32_t attempts = 3;
  std::size_t sink_capacity = 1'000;

  unsigned refused = 0;    // events that the broker never takes
  unsigned poisonous = 0;  // events that the program dies of when it submits them
  unsigned malformed = 0;  // rows that are no events
  unsigned without_key = 0;
  unsigned filtered = 0;  // events that the route doesn't want
  unsigned fail = 0, deliver_then_fail = 0, hold = 0, report_twice = 0, break_session = 0;  // a message
  unsigned sink_open_fails = 0;
  unsigned source_fails = 0;        // a call
  unsigned settle_answer_lost = 0;  // a settle
  unsigned store_goes_away = 0;     // a step; comes back after a while
  unsigned crash = 0;               // a step
  unsigned pause = 0;               // a step: an instance stands still for up to 12 s
  unsigned drain = 0;               // a step: an instance is stopped with grace and started anew
};

// What was observed; `violations` is empty if every promise held.
struct SimulationResult {
  std::vector<std::string> violations;
  std::size_t arrivals = 0, duplicates = 0, crashes = 0, drains = 0, steps = 0, parked = 0;
};

// Runs until every row is settled and every fault has been played, then heals everything and demands
// that the rest arrives.
SimulationResult simulate(const SimulationPlan& plan);

}  // namespace penstock::tests
