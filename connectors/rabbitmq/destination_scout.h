// Whether a message's destination can be published to. What would close the publish channel, and with it all that is
// on its way there, is asked for on channels of their own: an exchange that may be missing, once before the first
// publish to it; the right to write, after it was refused.
//
// Puts its questions into the frame buffer, one at a time; the answers come as methods of its channels.
// Single-threaded.
#pragma once

#include <amqp.h>
#include <amqp_framing.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "connectors/message.h"
#include "connectors/rabbitmq/exchange_book.h"
#include "connectors/rabbitmq/frame_buffer.h"
#include "connectors/rabbitmq/rights_book.h"

namespace penstock::rabbitmq {

class DestinationScout {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // `out` outlives it. `known_exchange` was seen to be there; empty: none.
  DestinationScout(FrameBuffer& out, const std::string& known_exchange);

  enum class Answer { kGo, kWait, kRefused };
  Answer ask(const connectors::Message& message, Time now);
  // Of the last message that was refused.
  const std::shared_ptr<const Error>& why_refused() const { return why_refused_; }
  // An answer is on its way.
  bool waits() const { return looked_for_.has_value() || right_channel_ != RightChannel::kClosed; }

  void on_exchange_channel(const amqp_method_t& method, Time now);
  void on_right_channel(const amqp_method_t& method, Time now);

  // What publishing taught.
  RightsBook& rights() { return rights_; }

 private:
  Answer refuse(std::shared_ptr<const Error> why);
  void look_for_exchange(std::string_view exchange);
  void ask_for_right(std::string_view exchange, std::string_view routing_key);
  void right_refused(const amqp_channel_close_t& close, Time now);
  void confirm_close(std::uint16_t channel);

  FrameBuffer& out_;
  ExchangeBook exchanges_;
  RightsBook rights_;
  std::shared_ptr<const Error> why_refused_;

  std::optional<std::string> looked_for_;
  enum class LookChannel { kClosed, kOpen } look_channel_ = LookChannel::kClosed;

  RefusedWrite asked_for_;
  // A new one for each question: a channel remembers the rights that it found.
  enum class RightChannel { kClosed, kAsked, kClosing } right_channel_ = RightChannel::kClosed;
};

}  // namespace penstock::rabbitmq
