#include "tests/fault/relay/simulated_relay.h"

#include <algorithm>

#include "core/invariant.h"

namespace penstock::tests {

using namespace relay;  // NOLINT: the simulation speaks the relay's language

namespace {

RouteSettings settings_of(const SimulationPlan& plan) {
  RouteSettings settings;
  settings.name = "simulated";
  settings.from = "outbox";
  settings.to = "broker";
  settings.templates.destination = "events.{category}";
  settings.order = plan.order;
  settings.on_reject = plan.on_reject;
  settings.attempts = plan.attempts;
  settings.max_in_flight = plan.max_in_flight;
  settings.max_in_flight_bytes = plan.max_in_flight_bytes;
  if (plan.filtered > 0) settings.filter.types = {"counted"};
  return settings;
}

}  // namespace

SimulatedRelay::SimulatedRelay(SimulatedWorld& world, const SimulationPlan& plan, Random& random, std::string name)
    : world_(world),
      plan_(plan),
      name_(std::move(name)),
      store_(world.database, MemoryStore::Appending::kAtOnce),
      source_(world.table, {.batch = 7}),
      memory_sink_(world.broker, *this, {.later_may_pass = plan.later_may_pass, .capacity = plan.sink_capacity}),
      worker_(source_, {store_.parked(), store_.attempts()}, {"simulated", "outbox"}, plan.attempts),
      surroundings_{world.clock, random, world.log, name_},
      voice_("simulated", world.clock, world.log) {
  const RouteSettings settings = settings_of(plan);
  auto mapping = Mapping::make(settings, nullptr);
  INVARIANT(mapping.has_value(), "the simulation's templates are right");
  machine_ =
      std::make_unique<RouteMachine>(settings, "outbox", std::move(*mapping),
                                     RouteMachine::Ends{*this, *this, *this, turn_}, surroundings_, voice_, interrupt_);
}

SimulatedRelay::~SimulatedRelay() { store_.end_session(); }

bool SimulatedRelay::work_for_source() {
  if (commands_.empty()) return false;
  if (const auto* read = std::get_if<ReadSource>(&commands_.front());
      read != nullptr && read->not_before > world_.clock.now() && commands_.size() == 1)
    return false;
  SourceCommand command = std::move(commands_.front());
  commands_.pop_front();
  answers_.push_back(worker_.carry_out(std::move(command), {}));
  return true;
}

bool SimulatedRelay::hear_source() {
  if (answers_.empty()) return false;
  SourceAnswer answer = std::move(answers_.front());
  answers_.pop_front();
  machine_->on_source(std::move(answer), source_.figures());
  check_window();
  has_input_ = true;
  return true;
}

bool SimulatedRelay::work_for_lease() {
  const SteadyTime now = world_.clock.now();
  if (!lease_wants_.empty()) {
    const auto want = lease_wants_.front();
    lease_wants_.pop_front();
    held_.reset();
    if (want) {
      (void)store_.leases().release(*want);
      lease_news_.push_back(LeaseReleased{});
      return true;
    }
    auto lease = store_.leases().take("route/simulated", name_);
    if (lease) {
      held_ = *lease;
      renew_at_ = now + store::kLeaseRenewal;
      lease_news_.push_back(LeaseTaken{std::move(*lease), now + store::kLeaseTrust});
    } else {
      lease_news_.push_back(LeaseRefused{std::move(lease.error())});
    }
    return true;
  }
  if (!held_ || now < renew_at_) return false;
  const Status renewed = store_.leases().renew(*held_);
  renew_at_ = now + store::kLeaseRenewal;
  if (renewed) {
    lease_news_.push_back(LeaseRenewed{held_->epoch, now + store::kLeaseTrust});
  } else if (renewed.error().kind() == ErrorKind::kFenced) {
    lease_news_.push_back(LeaseLost{held_->epoch, renewed.error()});
    held_.reset();
  } else {
    lease_news_.push_back(LeaseNotRenewed{held_->epoch, renewed.error()});
  }
  return true;
}

bool SimulatedRelay::hear_lease() {
  if (lease_news_.empty()) return false;
  LeaseNews news = std::move(lease_news_.front());
  lease_news_.pop_front();
  if (const auto* taken = std::get_if<LeaseTaken>(&news)) trusted_until_ = taken->trusted_until;
  if (const auto* renewed = std::get_if<LeaseRenewed>(&news)) trusted_until_ = renewed->trusted_until;
  machine_->on_lease(std::move(news));
  has_input_ = true;
  return true;
}

bool SimulatedRelay::work_for_sink(std::uint64_t choice) { return memory_sink_.work_on_one(choice); }

bool SimulatedRelay::report_from_sink() { return memory_sink_.report_one(); }

void SimulatedRelay::report(std::span<const connectors::DeliveryReport> reports) {
  for (const connectors::DeliveryReport& report : reports) {
    reports_.push_back(report);
    if (const auto ticket = tickets_.find(report.ticket.value); ticket != tickets_.end()) {
      with_sink_.erase(ticket->second);
      tickets_.erase(ticket);
    }
  }
}

bool SimulatedRelay::hear_sink() {
  if (reports_.empty() && !sink_news_) return false;
  const std::vector<connectors::DeliveryReport> reports = std::exchange(reports_, {});
  machine_->on_reports(reports);
  if (std::exchange(sink_news_, false)) machine_->on_sink_changed();
  has_input_ = true;
  return true;
}

bool SimulatedRelay::advance_if_due() {
  if (!has_input_ && world_.clock.now() < wake_) return false;
  has_input_ = false;
  wake_ = machine_->advance();
  return true;
}

SteadyTime SimulatedRelay::next_due() const {
  SteadyTime due = wake_;
  if (held_) due = std::min(due, renew_at_);
  if (!commands_.empty())
    if (const auto* read = std::get_if<ReadSource>(&commands_.front())) due = std::min(due, read->not_before);
  return due;
}

void SimulatedRelay::drain(SteadyTime deadline) {
  machine_->drain(deadline);
  has_input_ = true;
}

connectors::Submitted SimulatedRelay::submit(connectors::Ticket ticket, const connectors::Message& message) {
  if (world_.clock.now() >= trusted_until_) world_.violate(name_ + " submitted under a lease that ran out");
  if (with_sink_.contains(message.event->id))
    world_.violate(name_ + " submitted " + std::string(message.event->stream) + "#" +
                   std::string(message.event->data.value_or("")) + " while it was on its way");
  if (world_.poisonous.contains(message.event->id)) throw ProgramDied();
  const connectors::Submitted submitted = memory_sink_.submit(ticket, message);
  if (submitted == connectors::Submitted::kAccepted) {
    tickets_.emplace(ticket.value, message.event->id);
    with_sink_.insert(message.event->id);
  }
  return submitted;
}

void SimulatedRelay::check_window() {
  const RouteReport now = machine_->report();
  if (now.in_flight > plan_.max_in_flight)
    world_.violate("the window holds " + std::to_string(now.in_flight) + " events");
  if (now.in_flight > 1 && now.in_flight_bytes > plan_.max_in_flight_bytes)
    world_.violate("the window holds " + std::to_string(now.in_flight_bytes) + " bytes");
}

}  // namespace penstock::tests
