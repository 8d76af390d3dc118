// One exchange with one queue behind it on the test server, and a sink to it through a gate that can
// hold or cut its connection.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "connectors/rabbitmq/native_wire.h"
#include "connectors/rabbitmq/rabbitmq_sink.h"
#include "core/clock.h"
#include "core/random.h"
#include "tests/support/outcome_collector.h"
#include "tests/support/rabbit_reader.h"
#include "tests/support/recording_log.h"
#include "tests/support/servers.h"
#include "tests/support/tcp_gate.h"

namespace penstock::rabbitmq {

inline constexpr std::chrono::seconds kLong{30};

class RabbitFixture : public ::testing::Test {
 protected:
  void SetUp() override {
    PENSTOCK_NEEDS(tests::Server::kRabbitMq);
    address_ = *parse_address(Secret(tests::address_of(tests::Server::kRabbitMq)));
    admin_ = std::make_unique<tests::RabbitAdmin>(tests::address_of(tests::Server::kRabbitMq));
    gate_ = std::make_unique<tests::TcpGate>(static_cast<std::uint16_t>(address_.port));
    admin_->declare_exchange(exchange_);
    sink_ = make(exchange_);
  }
  void TearDown() override {
    sink_.reset();
    if (!admin_) return;
    for (const std::string& queue : queues_) admin_->delete_queue(queue);
    admin_->delete_exchange(exchange_);
  }

  std::string add_queue(tests::RabbitQueue queue = {}, const std::string& binding = "#") {
    queue.name = tests::unique_name("rabbit-test");
    admin_->declare_queue(queue);
    queues_.push_back(queue.name);
    admin_->bind(queue.name, exchange_, binding);
    return queue.name;
  }

  std::unique_ptr<connectors::Sink> make(const std::string& destination, std::chrono::seconds heartbeat = kHeartbeat) {
    RabbitSettings settings{.address = address_, .exchange = exchange_, .heartbeat = heartbeat};
    settings.address.port = gate_->port();
    return make_with(settings, destination);
  }
  std::unique_ptr<connectors::Sink> make_with(const RabbitSettings& settings, const std::string& destination) {
    return make_rabbitmq_sink(settings,
                              {.name = "test",
                               .templates = {.destination = destination, .routing_key = "{category}.{type}"},
                               .limits = {.window_bytes = 64 << 20, .event_bytes = 1 << 20}},
                              surroundings_, outcomes_);
  }
  void open() {
    const Status opened = sink_->open(Deadline::in(kLong), {});
    ASSERT_TRUE(opened) << opened.error().describe();
  }
  // The other side takes the connection and says nothing.
  void expect_given_up_when_stopped(Duration within) {
    gate_->hold();
    std::stop_source stop;
    std::jthread stopper([&] {
      outcomes_.wait_until([] { return false; }, Deadline::in(std::chrono::milliseconds(200)));
      stop.request_stop();
    });
    const auto before = std::chrono::steady_clock::now();
    const Status opened = sink_->open(Deadline::in(kLong), stop.get_token());
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code().name, "core.stopped");
    EXPECT_LT(std::chrono::steady_clock::now() - before, within);
  }

  // As a route's mapping and the native form make it.
  const connectors::Message& message(const std::string& data, std::string_view routing_key = "order.placed",
                                     std::string_view destination = {}) {
    Event event{.id = make_event_id(clock_, random_),
                .stream = "order-1",
                .category = "order",
                .type = "placed",
                .data = data,
                .occurred_at = clock_.wall_now(),
                .key = "1",
                .version = Version{static_cast<std::int64_t>(messages_.size())},
                .position = Position{static_cast<std::int64_t>(messages_.size() + 1)}};
    connectors::MessageBuilder builder(make_event(event));
    builder.message().destination = destination.empty() ? std::string_view(exchange_) : destination;
    builder.message().routing_key = builder.keep(routing_key);
    builder.message().key = builder.message().event->key;
    native_wire().encode(*builder.message().event, builder);
    messages_.push_back(std::move(builder).finish());
    return messages_.back();
  }
  // Returns the ticket.
  std::uint64_t submit(const connectors::Message& message) {
    EXPECT_EQ(sink_->submit({++last_ticket_}, message), connectors::Submitted::kAccepted);
    return last_ticket_;
  }
  void submit_many(int count) {
    for (int i = 0; i < count; ++i) submit(message(std::to_string(i)));
    sink_->flush();
  }
  void settle() { ASSERT_EQ(sink_->drain(Deadline::in(kLong)), connectors::Sink::Drained::kAll); }
  bool reaches(connectors::SinkState::Phase phase) {
    return outcomes_.wait_until([&] { return sink_->state().phase == phase; }, Deadline::in(kLong));
  }
  std::string code_of(std::uint64_t ticket) {
    const auto report = outcomes_.report_on({ticket});
    return !report ? "(none)" : report->error ? std::string(report->error->code().name) : "";
  }
  std::vector<std::string> bodies(const std::string& queue, std::size_t count) {
    tests::RabbitReader reader(tests::address_of(tests::Server::kRabbitMq), queue);
    std::vector<std::string> found;
    for (const auto& arrival : reader.read(count, Deadline::in(kLong))) found.push_back(arrival.body);
    return found;
  }

  static constexpr std::chrono::seconds kHeartbeat{8};

  SystemClock clock_;
  SystemRandom random_;
  tests::RecordingLog log_;
  const connectors::Surroundings surroundings_{.clock = clock_, .random = random_, .log = log_, .instance = "test"};
  const std::string exchange_ = tests::unique_name("rabbit-test");
  BrokerAddress address_;
  std::unique_ptr<tests::RabbitAdmin> admin_;
  std::unique_ptr<tests::TcpGate> gate_;
  std::vector<std::string> queues_;
  tests::OutcomeCollector outcomes_;
  std::deque<connectors::Message> messages_;
  std::uint64_t last_ticket_ = 0;
  std::unique_ptr<connectors::Sink> sink_;
};

}  // namespace penstock::rabbitmq
