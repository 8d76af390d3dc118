// Works one connection off, from its first publish to its end: takes messages over, publishes them in
// their order without waiting for confirms, reads confirms, returns and alarms, keeps the heartbeat.
//
// Runs in the thread that owns the connection and waits in one place only, for the socket, a wake-up
// or the next heartbeat; while the broker doesn't read, what is encoded waits in memory, never in a
// blocked write.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <limits>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "connectors/rabbitmq/confirm_window.h"
#include "connectors/rabbitmq/exchange_book.h"
#include "connectors/rabbitmq/frame_buffer.h"
#include "connectors/rabbitmq/handover.h"
#include "connectors/rabbitmq/rabbitmq_connection.h"
#include "connectors/rabbitmq/return_reader.h"
#include "connectors/sink.h"

namespace penstock::rabbitmq {

// Learned from the broker's refusals; outlives connections.
struct BrokerLimits {
  std::size_t body_bytes = std::numeric_limits<std::size_t>::max();
};

// "message size 30 is larger than configured max size 20" → 20.
std::optional<std::size_t> find_body_limit(std::string_view reply_text);

class Publisher {
 public:
  // All outlive the publisher. `known_exchange` was seen to be there; empty: none.
  Publisher(RabbitConnection& connection, Handover& handover, connectors::OutcomeListener& listener,
            BrokerLimits& limits, const std::string& known_exchange);

  enum class Ended { kStopped, kRightLost, kConnectionLost };
  // Until the stop (nothing more is reported), the loss of the right to send, or the end of the
  // connection; then everything accepted has had its outcome.
  Ended run(const std::stop_token& stop);

  // Why the connection was lost.
  const std::shared_ptr<const Error>& why() const { return why_; }
  // Whether nothing is half written.
  bool between_frames() const { return out_.empty(); }

 private:
  using Time = std::chrono::steady_clock::time_point;

  Ended work(const std::stop_token& stop);
  void lose_everything(const std::shared_ptr<const Error>& why);

  void encode_waiting();
  void refuse_front(connectors::Outcome outcome, std::shared_ptr<const Error> error);
  void look_for_exchange(std::string_view exchange);
  Status write_pending();

  Status wait_and_read();
  int poll_timeout_ms() const;
  Status read_frames();
  Status on_frame(const amqp_frame_t& frame);
  Status on_publish_channel(const amqp_method_t& method);
  void on_look_channel(const amqp_method_t& method);
  Status on_connection(const amqp_method_t& method);
  void on_returned(const ReturnedMessage& returned);
  Status keep_heartbeat();

  void enter(connectors::SinkState state);
  void report_settled();

  RabbitConnection& connection_;
  Handover& handover_;
  connectors::OutcomeListener& listener_;
  BrokerLimits& limits_;

  std::deque<Accepted> waiting_;
  ConfirmWindow window_;
  FrameBuffer out_;
  MessageProperties properties_;
  ReturnReader returns_;
  std::vector<ConfirmWindow::Settled> settled_;
  std::vector<connectors::DeliveryReport> reports_;

  ExchangeBook exchanges_;
  std::optional<std::string> looked_for_;  // an answer about it is on its way
  enum class LookChannel { kClosed, kOpen } look_channel_ = LookChannel::kClosed;

  enum class Flow { kOpen, kBlocked } flow_ = Flow::kOpen;
  Time last_read_, last_write_;
  std::shared_ptr<const Error> why_;
  const std::shared_ptr<const Error> nacked_;
};

}  // namespace penstock::rabbitmq
