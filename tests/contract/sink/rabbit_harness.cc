#include "tests/contract/sink/rabbit_harness.h"

#include "connectors/rabbitmq/native_wire.h"
#include "connectors/rabbitmq/rabbitmq_sink.h"

namespace penstock::tests {
namespace {

constexpr std::string_view kRefusedKey = "refused";  // no queue is bound for it

rabbitmq::RabbitSettings settings_at(std::uint16_t port, const std::string& exchange) {
  auto address = *rabbitmq::parse_address(Secret(address_of(Server::kRabbitMq)));
  address.port = port;
  return {.address = address, .exchange = exchange};
}

std::uint16_t port_of_server() {
  return static_cast<std::uint16_t>(rabbitmq::parse_address(Secret(address_of(Server::kRabbitMq)))->port);
}

}  // namespace

RabbitHarness::RabbitHarness()
    : name_(unique_name("sink-suite")), admin_(address_of(Server::kRabbitMq)), gate_(port_of_server()) {
  admin_.declare_exchange(name_);
  admin_.declare_queue({.name = name_});
  admin_.bind(name_, name_, "order.*");
}

RabbitHarness::~RabbitHarness() {
  reader_.reset();
  admin_.delete_queue(name_);
  admin_.delete_exchange(name_);
}

std::unique_ptr<connectors::Sink> RabbitHarness::make(connectors::OutcomeListener& listener) {
  const connectors::SinkRoute route{.name = "suite",
                                    .templates = {.destination = name_, .routing_key = "{category}.{type}"},
                                    .limits = {.window_bytes = 16 << 20, .event_bytes = 1 << 20}};
  return rabbitmq::make_rabbitmq_sink(settings_at(gate_.port(), name_), route, {clock_, random_, log_, "test"},
                                      listener);
}

connectors::Message RabbitHarness::message(EventRef event) {
  connectors::MessageBuilder builder(event);
  builder.message().destination = name_;
  builder.message().routing_key = event->key == kRefusedKey ? "nobody.wants" : "order.OrderPlaced";
  builder.message().key = event->key;
  rabbitmq::native_wire().encode(*event, builder);
  return std::move(builder).finish();
}

std::vector<Landed> RabbitHarness::landed(std::size_t count, Deadline deadline) {
  if (!reader_) reader_ = std::make_unique<RabbitReader>(address_of(Server::kRabbitMq), name_);
  while (landed_.size() < count && !deadline.expired()) {
    for (const RabbitArrival& arrival : reader_->read(count - landed_.size(), deadline)) {
      const bool none = arrival.headers.contains("tombstone");
      landed_.push_back({arrival.text("key"), *EventId::parse(arrival.message_id),
                         none ? std::nullopt : std::optional(arrival.body)});
    }
  }
  return landed_;
}

Possible RabbitHarness::hold() {
  gate_.hold();
  return Possible::kYes;
}

void RabbitHarness::release() { gate_.release(); }

Possible RabbitHarness::go_away() {
  gate_.go_away();
  return Possible::kYes;
}

void RabbitHarness::come_back() { gate_.come_back(); }

std::optional<EventRef> RabbitHarness::refused_event() { return event_for(std::string(kRefusedKey), 0); }

}  // namespace penstock::tests
