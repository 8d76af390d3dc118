#include "connectors/rabbitmq/rabbitmq_sink.h"

#include <thread>

#include "connectors/rabbitmq/handover.h"
#include "connectors/rabbitmq/native_wire.h"
#include "connectors/rabbitmq/publisher.h"
#include "connectors/rabbitmq/rabbitmq_connection.h"
#include "connectors/rabbitmq/rabbitmq_inspect.h"
#include "connectors/rabbitmq/rights_book.h"

namespace penstock::rabbitmq {
namespace {

using connectors::Message;
using connectors::SinkState;
using connectors::Submitted;
using connectors::Ticket;

constexpr std::chrono::milliseconds kGoodbye{500};

bool has_placeholder(const std::string& text) { return text.find('{') != std::string::npos; }

class RabbitSink final : public connectors::Sink {
 public:
  RabbitSink(RabbitSettings settings, const connectors::SinkRoute& route, std::string instance,
             connectors::OutcomeListener& listener)
      : settings_(std::move(settings)),
        templates_(route.templates),
        connection_name_("penstock " + std::string(route.name) + " " + instance),
        listener_(listener),
        handover_(route.limits.window_bytes) {}

  ~RabbitSink() override { end_thread(); }

  connectors::LaterMayPass later_may_pass() const override { return connectors::LaterMayPass::kYes; }

  Status open(Deadline deadline, std::stop_token stop) override {
    end_thread();
    auto connection = connect(deadline, stop);
    if (!connection) return fail(std::move(connection.error()));
    handover_.regain_right();
    handover_.enter({.phase = SinkState::Phase::kReady, .why = nullptr});
    thread_ = std::jthread([this, connection = *std::move(connection)](const std::stop_token& end) mutable {
      publish(std::move(connection), end);
    });
    return {};
  }

  Submitted submit(Ticket ticket, const Message& message) override { return handover_.submit(ticket, message); }
  void flush() override { handover_.flush(); }

  Drained drain(Deadline deadline) override {
    handover_.flush();
    return handover_.wait_until_answered(deadline) ? Drained::kAll : Drained::kNotAll;
  }

  void abandon() override {
    handover_.lose_right(std::make_shared<const Error>(codes::kStoreFenced, "the right to publish was lost"));
  }

  SinkState state() const override { return handover_.state(); }

 private:
  Result<std::unique_ptr<RabbitConnection>> connect(Deadline deadline, const std::stop_token& stop) {
    const Secret::Current url = settings_.url.current();
    auto opened = RabbitConnection::open(with_address(settings_, url.secret), connection_name_, deadline, stop);
    if (!opened && !url.fault.empty())
      return fail(std::move(opened.error()).with_context("`url` could not be read again (" + url.fault + ")"));
    if (!opened) return opened;
    RabbitConnection& connection = **opened;
    if (!has_placeholder(templates_.destination)) {
      if (auto there = connection.look_for_exchange(templates_.destination, deadline, stop); !there)
        return fail(std::move(there.error()));
      if (doubts_right_) {
        const bool fixed = !has_placeholder(templates_.routing_key);
        const std::string& routing_key = fixed ? templates_.routing_key : "penstock";
        auto right = connection.look_for_write_right(templates_.destination, routing_key, deadline, stop);
        if (!right && (fixed || !is_about_routing_key(right.error()))) return fail(std::move(right.error()));
      }
    }
    if (auto channel = connection.open_publish_channel(deadline, stop); !channel)
      return fail(std::move(channel.error()));
    return opened;
  }

  // The thread of one opening.
  void publish(std::unique_ptr<RabbitConnection> connection, const std::stop_token& stop) {
    const bool looked = !has_placeholder(templates_.destination);
    Publisher publisher(*connection, handover_, listener_, looked ? templates_.destination : std::string());
    switch (publisher.run(stop)) {
      case Publisher::Ended::kStopped:
        if (publisher.between_frames() && handover_.state().phase != SinkState::Phase::kBlocked)
          connection->close(Deadline::in(kGoodbye));
        break;
      case Publisher::Ended::kRightLost: connection->cut(); break;
      case Publisher::Ended::kConnectionLost:
        doubts_right_ = publisher.why()->kind() == ErrorKind::kUnauthorized;
        break;
    }
  }

  void end_thread() {
    if (!thread_.joinable()) return;
    thread_.request_stop();
    handover_.wake();
    thread_.join();
  }

  const RabbitSettings settings_;
  const connectors::RouteTemplates templates_;
  const std::string connection_name_;
  connectors::OutcomeListener& listener_;
  Handover handover_;
  // Of the thread while it runs, of open() otherwise.
  bool doubts_right_ = false;
  std::jthread thread_;
};

Result<std::unique_ptr<connectors::Sink>> make_from_section(const Section& sink, const connectors::SinkRoute& route,
                                                            const connectors::Surroundings& surroundings,
                                                            connectors::OutcomeListener& listener) {
  return make_rabbitmq_sink(read_settings(sink), route, surroundings, listener);
}

}  // namespace

const connectors::SinkKind& sink_kind() {
  static const connectors::WireProfile* const profiles[] = {&native_wire()};
  static const connectors::SinkKind kind{.name = "rabbitmq",
                                         .title = "RabbitMQ",
                                         .sink_fields = sink_fields(),
                                         .route_fields = route_fields(),
                                         .wire_profiles = profiles,
                                         .check = &check_settings,
                                         .templates = &templates_of,
                                         .make = &make_from_section,
                                         .inspect = &inspect};
  return kind;
}

std::unique_ptr<connectors::Sink> make_rabbitmq_sink(RabbitSettings settings, const connectors::SinkRoute& route,
                                                     const connectors::Surroundings& surroundings,
                                                     connectors::OutcomeListener& listener) {
  return std::make_unique<RabbitSink>(std::move(settings), route, surroundings.instance, listener);
}

}  // namespace penstock::rabbitmq
