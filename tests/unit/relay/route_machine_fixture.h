// The machine of a route between ends that the test plays: what comes in is given one by one, commands and messages are
// looked at.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "relay/route_machine.h"
#include "store/leases.h"
#include "tests/support/manual_clock.h"
#include "tests/support/memory_source.h"
#include "tests/support/recording_log.h"
#include "tests/support/seeded_random.h"

namespace penstock::relay {

using namespace std::chrono_literals;
using connectors::DeliveryReport;
using connectors::LaterMayPass;
using connectors::Outcome;
using connectors::SinkState;
using connectors::Submitted;

// Takes everything and remembers it; outcomes are given by the test.
class ScriptedSink final : public connectors::Sink {
 public:
  LaterMayPass later_may_pass() const override { return promise; }
  Status open(Deadline, std::stop_token stop) override {
    ++opens;
    if (stop.stop_requested()) return fail(codes::kStopped, "opening was stopped");
    if (open_error) return fail(*open_error);
    now = {SinkState::Phase::kReady, nullptr};
    return {};
  }
  Submitted submit(connectors::Ticket ticket, const connectors::Message& message) override {
    if (room == 0) return Submitted::kFull;
    --room;
    tickets.push_back(ticket);
    submitted.emplace_back(*message.body);
    if (after_submit) after_submit();
    return Submitted::kAccepted;
  }
  void flush() override { ++flushes; }
  Drained drain(Deadline) override { return Drained::kAll; }
  void abandon() override {
    ++abandons;
    now = {SinkState::Phase::kClosed, nullptr};
  }
  SinkState state() const override { return now; }

  LaterMayPass promise = LaterMayPass::kYes;
  SinkState now;
  std::optional<Error> open_error;
  std::size_t room = 1'000;
  int opens = 0, flushes = 0, abandons = 0;
  std::vector<connectors::Ticket> tickets;
  std::vector<std::string> submitted;
  std::function<void()> after_submit;
};

class RouteMachineTest : public testing::Test, protected SourcePort, protected LeasePort {
 protected:
  RouteMachineTest() {
    settings_.name = "one";
    settings_.templates.destination = "events";
    settings_.max_in_flight = 100;
  }

  void post(SourceCommand command) override { commands_.push_back(std::move(command)); }
  void take() override { ++takes_; }
  void release(const Lease&) override { ++releases_; }

  // The oldest command of this kind that was not answered yet.
  template <typename Command>
  std::optional<Command> next_command() {
    const auto found = std::find_if(commands_.begin(), commands_.end(),
                                    [](const auto& command) { return std::holds_alternative<Command>(command); });
    if (found == commands_.end()) return std::nullopt;
    Command command = std::move(std::get<Command>(*found));
    commands_.erase(found);
    return command;
  }

  // Up to the first read.
  void run() {
    auto mapping = Mapping::make(settings_, nullptr);
    machine_ = std::make_unique<RouteMachine>(settings_, "outbox", std::move(*mapping),
                                              RouteMachine::Ends{*this, *this, sink_, turn_}, surroundings_, voice_,
                                              interrupt_);
    machine_->advance();
    grant();
    open();
  }

  void grant(std::int64_t epoch = 1) {
    machine_->on_lease(LeaseTaken{{"route/one", "me", Epoch{epoch}}, clock_.now() + store::kLeaseTrust});
    machine_->advance();
  }

  void open() {
    ASSERT_TRUE(next_command<OpenSource>());
    answer(SourceOpened{Status(), open_after_ends_});
    marks_ = 0;
  }

  void answer(SourceAnswer answer) {
    machine_->on_source(std::move(answer), {});
    machine_->advance();
  }

  void read(std::initializer_list<std::string_view> keys) {
    ASSERT_TRUE(next_command<ReadSource>());
    read_answer(keys);
  }

  void read_answer(std::initializer_list<std::string_view> keys) {
    connectors::ReadBatch batch;
    for (const std::string_view key : keys) {
      connectors::ReadItem item;
      item.mark = ReadMark{++marks_};
      item.event = tests::counted_event(key, ++number_);
      batch.items.push_back(std::move(item));
    }
    answer(SourceRead{std::move(batch)});
  }

  void report(std::size_t submission, Outcome outcome, const ErrorCode& code = codes::kRabbitNacked) {
    DeliveryReport report{sink_.tickets.at(submission), outcome, nullptr};
    if (outcome != Outcome::kDelivered) report.error = std::make_shared<const Error>(code, "as the test wants it");
    machine_->on_reports({&report, 1});
    machine_->advance();
  }

  void pass(Duration time) {
    clock_.advance(time);
    machine_->advance();
  }

  RoutePhase phase() const { return machine_->report().phase; }

  tests::ManualClock clock_;
  CareTurn turn_;
  std::uint32_t open_after_ends_ = 0;
  tests::SeededRandom random_{3};
  tests::RecordingLog log_;
  connectors::Surroundings surroundings_{clock_, random_, log_, "me"};
  RouteVoice voice_{"one", clock_, log_};
  std::stop_token interrupt_;
  RouteSettings settings_;
  ScriptedSink sink_;
  std::deque<SourceCommand> commands_;
  int takes_ = 0, releases_ = 0;
  std::uint64_t marks_ = 0, number_ = 0;
  std::unique_ptr<RouteMachine> machine_;
};

}  // namespace penstock::relay
