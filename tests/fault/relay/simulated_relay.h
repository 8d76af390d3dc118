// One instance of the relay inside a simulation: a machine and what its threads would do, each as a
// step that the simulation takes when it likes.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "tests/fault/relay/simulation.h"

namespace penstock::tests {

// Thrown by a program that met what it dies of.
struct ProgramDied {};

// What all instances of a simulation share: the database, the outbox, the broker, the clock.
struct SimulatedWorld {
  ManualClock clock;
  RecordingLog log;
  std::shared_ptr<MemoryDatabase> database = std::make_shared<MemoryDatabase>(clock);
  MemoryTable table;
  MemoryBroker broker;
  std::set<EventId> poisonous;  // a program that submits one of these dies
  std::vector<std::string> violations;

  void violate(std::string what) { violations.push_back(std::move(what)); }
};

class SimulatedRelay final : private connectors::OutcomeListener,
                             private relay::SourcePort,
                             private relay::LeasePort,
                             private connectors::Sink {
 public:
  SimulatedRelay(SimulatedWorld& world, const SimulationPlan& plan, Random& random, std::string name);
  ~SimulatedRelay() override;

  // Each does one thing; false when there was nothing to do.
  bool work_for_source();
  bool hear_source();
  bool work_for_lease();
  bool hear_lease();
  bool work_for_sink(std::uint64_t choice);
  bool report_from_sink();
  bool hear_sink();
  bool advance_if_due();

  // The next time at which something happens by itself.
  SteadyTime next_due() const;
  // Somebody hammers on the broker's door: what was held goes on.
  void release_held() { memory_sink_.release_held(); }
  void drain(SteadyTime deadline);
  bool has_ended() const { return machine_->has_ended(); }
  bool ended_drained() const { return machine_->ended_drained(); }
  relay::RouteReport report() const { return machine_->report(); }

 private:
  // connectors::OutcomeListener
  void report(std::span<const connectors::DeliveryReport> reports) override;
  void sink_changed() override { sink_news_ = true; }
  // relay::SourcePort, relay::LeasePort
  void post(relay::SourceCommand command) override { commands_.push_back(std::move(command)); }
  void take() override { lease_wants_.push_back(std::nullopt); }
  void release(const Lease& lease) override { lease_wants_.push_back(lease); }
  // connectors::Sink: the memory sink, watched
  connectors::LaterMayPass later_may_pass() const override { return memory_sink_.later_may_pass(); }
  Status open(Deadline deadline, std::stop_token stop) override { return memory_sink_.open(deadline, stop); }
  connectors::Submitted submit(connectors::Ticket ticket, const connectors::Message& message) override;
  void flush() override { memory_sink_.flush(); }
  Drained drain(Deadline deadline) override { return memory_sink_.drain(deadline); }
  void abandon() override { memory_sink_.abandon(); }
  connectors::SinkState state() const override { return memory_sink_.state(); }

  void check_window();

  SimulatedWorld& world_;
  const SimulationPlan& plan_;
  const std::string name_;
  MemoryStore store_;
  MemorySource source_;
  MemorySink memory_sink_;
  relay::SourceWorker worker_;
  connectors::Surroundings surroundings_;
  relay::RouteVoice voice_;
  std::stop_token interrupt_;
  relay::CareTurn turn_;

  std::deque<relay::SourceCommand> commands_;
  std::deque<relay::SourceAnswer> answers_;
  std::deque<std::optional<Lease>> lease_wants_;  // nullopt = take
  std::deque<relay::LeaseNews> lease_news_;
  std::vector<connectors::DeliveryReport> reports_;
  bool sink_news_ = false, has_input_ = true;
  std::optional<Lease> held_;
  SteadyTime renew_at_{}, trusted_until_{}, wake_{};
  std::map<std::uint64_t, EventId> tickets_;  // with the sink, without an outcome
  std::set<EventId> with_sink_;

  std::unique_ptr<relay::RouteMachine> machine_;
};

}  // namespace penstock::tests
