#include "tests/fault/relay/simulation.h"

#include <algorithm>

#include "core/invariant.h"
#include "tests/fault/relay/simulated_relay.h"

namespace penstock::tests {

using namespace relay;  // NOLINT: the simulation speaks the relay's language

namespace {

constexpr std::size_t kMostSteps = 400'000;
constexpr std::size_t kMostCrashes = 12, kMostDrains = 4, kMostOutages = 6, kMostPauses = 4;

// What the row with this number is, and what must become of it.
struct Row {
  EventId id;
  std::string key;
  std::uint64_t number_in_key = 0;
  enum class Must { kArrive, kBeParked, kVanish } must = Must::kArrive;
};

class Simulation {
 public:
  explicit Simulation(const SimulationPlan& plan) : plan_(plan), random_(plan.seed) {
    world_.broker.decide_by([this](const Arrival& arrival) { return fate_of(arrival); });
    world_.table.fail_by([this](SourceCall call) { return fault_of(call); });
    for (std::size_t i = 0; i < plan.instances; ++i) instances_.push_back({start_instance(), {}, 0});
  }

  SimulationResult run();

 private:
  struct Instance {
    std::unique_ptr<SimulatedRelay> relay;
    SteadyTime paused_until;
    SteadyTime::rep draining;
  };

  bool chance(unsigned in_thousand) { return healing_ ? false : random_.below(1'000) < in_thousand; }
  std::unique_ptr<SimulatedRelay> start_instance() {
    return std::make_unique<SimulatedRelay>(world_, plan_, random_, "instance-" + std::to_string(++started_));
  }
  Fate fate_of(const Arrival& arrival);
  std::optional<SourceFault> fault_of(SourceCall call);

  void add_row();
  void disturb();
  bool step(Instance& instance);
  bool take_step(SimulatedRelay& relay);
  void let_time_pass();
  void check_arrivals();
  void check_settled();
  void check_end();
  bool is_done() const { return rows_.size() == plan_.events && world_.table.settled() == rows_.size(); }

  const SimulationPlan& plan_;
  SeededRandom random_;
  SimulatedWorld world_;
  std::vector<Instance> instances_;
  std::vector<Row> rows_;
  std::map<std::string, std::uint64_t> numbers_;  // last of each key
  std::map<EventId, std::size_t> row_of_;
  std::set<EventId> refused_, arrived_;
  std::map<std::string, std::uint64_t> highest_;  // of each key, arrived or known to be refused
  std::size_t checked_arrivals_ = 0, checked_settled_ = 0;
  std::size_t started_ = 0, outages_ = 0, pauses_ = 0, known_duplicates_ = 0;
  std::optional<SteadyTime> away_until_;
  bool healing_ = false;
  SimulationResult result_;
};

Fate Simulation::fate_of(const Arrival& arrival) {
  if (refused_.contains(arrival.id)) return Fate::kRefuse;
  if (chance(plan_.fail)) return Fate::kFail;
  if (chance(plan_.deliver_then_fail)) {
    ++known_duplicates_;
    return Fate::kDeliverThenFail;
  }
  if (chance(plan_.hold)) return Fate::kHold;
  if (chance(plan_.report_twice)) return Fate::kReportTwice;
  if (chance(plan_.break_session)) return Fate::kBreakSession;
  return Fate::kDeliver;
}

std::optional<SourceFault> Simulation::fault_of(SourceCall call) {
  if (call == SourceCall::kSettle && chance(plan_.settle_answer_lost))
    return SourceFault{Error(codes::kStoreInDoubt, "the answer was lost"), SourceFault::Effect::kTookEffect};
  if (chance(plan_.source_fails)) return SourceFault{Error(codes::kOutboxUnavailable, "the database is away")};
  return std::nullopt;
}

void Simulation::add_row() {
  if (rows_.size() == plan_.events) return;
  Row row;
  if (random_.below(1'000) < plan_.malformed) {
    row.must = Row::Must::kBeParked;
    connectors::MalformedRow malformed;
    malformed.source_key = std::to_string(rows_.size());
    malformed.code = codes::kOutboxRowMalformed.name;
    malformed.reason = "column type is empty";
    malformed.content = "{\"row\":" + malformed.source_key + "}";
    rows_.push_back(row);
    world_.table.add(malformed);
    return;
  }
  row.key = "k" + std::to_string(random_.below(plan_.keys));
  row.number_in_key = numbers_[row.key] + 1;
  const EventRef counted = counted_event(row.key, row.number_in_key);
  Event event = *counted;
  row.id = event.id;
  if (random_.below(1'000) < plan_.filtered) {
    event.type = "unwanted";
    row.must = Row::Must::kVanish;
    event.id = row.id = EventId::from_name(kNamespaceUrl, "unwanted" + std::to_string(rows_.size()));
  } else if (random_.below(1'000) < plan_.without_key) {
    event.key = std::nullopt;
    event.id = row.id = EventId::from_name(kNamespaceUrl, "keyless" + std::to_string(rows_.size()));
    row.key.clear();
  } else {
    ++numbers_[row.key];
    if (plan_.poisonous > 0 && random_.below(1'000) < plan_.poisonous) {
      world_.poisonous.insert(row.id);
      refused_.insert(row.id);
      row.must = Row::Must::kBeParked;
    } else if (random_.below(1'000) < plan_.refused) {
      refused_.insert(row.id);
      row.must = Row::Must::kBeParked;
    }
  }
  row_of_.emplace(row.id, rows_.size());
  rows_.push_back(row);
  world_.table.add(make_event(event));
}

void Simulation::disturb() {
  Instance& instance = instances_[random_.below(instances_.size())];
  if (chance(plan_.crash) && result_.crashes < kMostCrashes) {
    ++result_.crashes;
    instance.relay.reset();
    instance = {start_instance(), {}, 0};
  }
  if (chance(plan_.pause) && pauses_ < kMostPauses) {
    ++pauses_;
    instance.paused_until = world_.clock.now() + std::chrono::milliseconds(random_.below(12'000));
  }
  if (chance(plan_.drain) && result_.drains < kMostDrains && instance.draining == 0) {
    ++result_.drains;
    instance.draining = 1;
    instance.relay->drain(world_.clock.now() + std::chrono::seconds(30));
  }
  if (chance(plan_.store_goes_away) && outages_ < kMostOutages && !away_until_) {
    ++outages_;
    world_.database->go_away();
    away_until_ = world_.clock.now() + std::chrono::milliseconds(random_.below(9'000));
  }
  if (away_until_ && (healing_ || world_.clock.now() >= *away_until_)) {
    world_.database->come_back();
    away_until_.reset();
  }
  if (healing_)
    world_.broker.refuse_open(std::nullopt);
  else if (plan_.sink_open_fails > 0)
    world_.broker.refuse_open(chance(plan_.sink_open_fails)
                                  ? std::optional<Error>(Error(codes::kRabbitUnavailable, "nobody listens"))
                                  : std::nullopt);
  if (random_.below(20) == 0 || healing_) instance.relay->release_held();
}

bool Simulation::step(Instance& instance) {
  SimulatedRelay& relay = *instance.relay;
  if (world_.clock.now() < instance.paused_until && !healing_) return false;
  if (relay.has_ended()) {
    if (relay.ended_drained())
      for (const EventId& id : arrived_)
        if (row_of_.at(id) >= world_.table.settled() && plan_.instances == 1)
          world_.violate("a drained route left a delivered event unsettled");
    instance = {start_instance(), {}, 0};
    return true;
  }
  try {
    return take_step(relay);
  } catch (const ProgramDied&) {
    ++result_.crashes;
    instance = {start_instance(), {}, 0};
    return true;
  }
}

bool Simulation::take_step(SimulatedRelay& relay) {
  constexpr int kKinds = 8;
  const std::uint64_t first = random_.below(kKinds);
  for (std::uint64_t i = 0; i < kKinds; ++i) {
    bool did = false;
    switch ((first + i) % kKinds) {
      case 0: did = relay.work_for_source(); break;
      case 1: did = relay.hear_source(); break;
      case 2: did = relay.work_for_lease(); break;
      case 3: did = relay.hear_lease(); break;
      case 4: did = relay.work_for_sink(random_.next()); break;
      case 5: did = relay.report_from_sink(); break;
      case 6: did = relay.hear_sink(); break;
      case 7: did = relay.advance_if_due(); break;
    }
    if (did) return true;
  }
  return false;
}

// Nothing can happen now: on to the next time at which something does.
void Simulation::let_time_pass() {
  const SteadyTime now = world_.clock.now();
  SteadyTime next = now + std::chrono::seconds(5);
  for (const Instance& instance : instances_) {
    if (now < instance.paused_until && !healing_) {
      next = std::min(next, instance.paused_until);
    } else if (instance.relay->next_due() > now) {
      next = std::min(next, instance.relay->next_due());
    }
  }
  if (away_until_) next = std::min(next, *away_until_);
  world_.clock.advance(std::max<Duration>(next - now, std::chrono::microseconds(1)));
}

void Simulation::check_arrivals() {
  const std::size_t count = world_.broker.arrival_count();
  if (count == checked_arrivals_) return;
  const auto arrivals = world_.broker.arrivals();
  for (; checked_arrivals_ < count; ++checked_arrivals_) {
    const Arrival& arrival = arrivals[checked_arrivals_];
    const auto row = row_of_.find(arrival.id);
    if (row == row_of_.end() || rows_[row->second].must != Row::Must::kArrive) {
      world_.violate("something arrived that should not");
      continue;
    }
    if (!arrived_.insert(arrival.id).second) {
      ++result_.duplicates;
      continue;
    }
    const Row& it = rows_[row->second];
    if (it.key.empty()) continue;
    std::uint64_t& highest = highest_[it.key];
    for (std::uint64_t next = highest + 1; next < it.number_in_key; ++next) {
      const EventId skipped = EventId::from_name(kNamespaceUrl, "order-" + it.key + "#" + std::to_string(next));
      const bool ordered = plan_.order == Order::kStrict || plan_.later_may_pass == connectors::LaterMayPass::kNo;
      if (ordered && !refused_.contains(skipped))
        world_.violate(it.key + ": " + std::to_string(it.number_in_key) + " arrived before " + std::to_string(next));
    }
    highest = std::max(highest, it.number_in_key);
  }
}

void Simulation::check_settled() {
  const std::size_t settled = world_.table.settled();
  if (settled == checked_settled_) return;
  for (; checked_settled_ < settled; ++checked_settled_) {
    const Row& row = rows_[checked_settled_];
    if (row.must == Row::Must::kArrive && !arrived_.contains(row.id))
      world_.violate("row " + std::to_string(checked_settled_) + " was settled and has not arrived");
  }
}

void Simulation::check_end() {
  if (!is_done())
    world_.violate("after everything healed, only " + std::to_string(world_.table.settled()) + " of " +
                   std::to_string(rows_.size()) + " rows were settled");
  MemoryStore store(world_.database, MemoryStore::Appending::kAtOnce);
  const auto count = store.parked().count("");
  const auto must =
      std::count_if(rows_.begin(), rows_.end(), [](const Row& row) { return row.must == Row::Must::kBeParked; });
  result_.parked = count ? static_cast<std::size_t>(*count) : 0;
  if (result_.parked != static_cast<std::size_t>(must))
    world_.violate(std::to_string(result_.parked) + " rows were parked instead of " + std::to_string(must));
  const std::size_t openings = world_.table.openings();
  const std::size_t allowed = known_duplicates_ + (openings == 0 ? 0 : openings - 1) * plan_.max_in_flight;
  if (result_.duplicates > allowed)
    world_.violate(std::to_string(result_.duplicates) + " duplicates, " + std::to_string(allowed) + " are explained");
}

SimulationResult Simulation::run() {
  for (; result_.steps < kMostSteps && !(healing_ && is_done()); ++result_.steps) {
    if (is_done()) healing_ = true;
    if (result_.steps > kMostSteps / 2) healing_ = true;
    if (random_.below(4) == 0 || healing_) add_row();
    disturb();
    bool did = false;
    const std::size_t first = random_.below(instances_.size());
    for (std::size_t i = 0; i < instances_.size() && !did; ++i) did = step(instances_[(first + i) % instances_.size()]);
    if (!did) let_time_pass();
    check_arrivals();
    check_settled();
    if (!world_.violations.empty()) break;
  }
  if (world_.violations.empty()) check_end();
  result_.violations = world_.violations;
  result_.arrivals = checked_arrivals_;
  return result_;
}

}  // namespace

SimulationResult simulate(const SimulationPlan& plan) { return Simulation(plan).run(); }

}  // namespace penstock::tests
