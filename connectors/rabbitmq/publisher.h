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
#include "connectors/rabbitmq/destination_scout.h"
#include "connectors/rabbitmq/frame_buffer.h"
#include "connectors/rabbitmq/handover.h"
#include "connectors/rabbitmq/rabbitmq_connection.h"
#include "connectors/rabbitmq/return_reader.h"
#include "connectors/sink.h"

namespace penstock::rabbitmq {

// "message size 30 is larger than configured max size 20" → 20.
std::optional<std::size_t> find_body_limit(std::string_view reply_text);

class Publisher {
 public:
  // All but the name outlive the publisher. `known_exchange` was seen to be there; empty: none.
  Publisher(RabbitConnection& connection, Handover& handover, connectors::OutcomeListener& listener,
            const std::string& known_exchange);

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
  Status write_pending();

  Status wait_and_read();
  int poll_timeout_ms() const;
  Status read_frames();
  Status on_frame(const amqp_frame_t& frame);
  Status on_publish_channel(const amqp_method_t& method);
  Status on_publish_channel_closed(const amqp_channel_close_t& close);
  bool learns_from(const amqp_channel_close_t& close);
  bool learns_limit(std::string_view reply_text);
  bool learns_refusal(const Error& why, std::string_view reply_text);
  bool doubts_what_waits();
  Status on_connection(const amqp_method_t& method);
  void on_returned(const ReturnedMessage& returned);
  Status keep_heartbeat();

  void enter(connectors::SinkState state);
  void report_settled();

  RabbitConnection& connection_;
  Handover& handover_;
  connectors::OutcomeListener& listener_;
  const std::string known_exchange_;

  std::deque<Accepted> waiting_;
  ConfirmWindow window_;
  FrameBuffer out_;
  MessageProperties properties_;
  ReturnReader returns_;
  std::vector<ConfirmWindow::Settled> settled_;
  std::vector<connectors::DeliveryReport> reports_;

  DestinationScout scout_{out_, known_exchange_};
  // Learned when the broker refused a larger one; another connection may meet another limit.
  std::size_t most_body_bytes_ = std::numeric_limits<std::size_t>::max();

  enum class Flow { kOpen, kBlocked } flow_ = Flow::kOpen;
  Time last_read_, last_write_;
  std::shared_ptr<const Error> why_;
  const std::shared_ptr<const Error> nacked_;
};

}  // namespace penstock::rabbitmq
