#include "connectors/rabbitmq/destination_scout.h"

#include "connectors/rabbitmq/rabbitmq_connection.h"
#include "connectors/rabbitmq/rabbitmq_errors.h"
#include "connectors/rabbitmq/rabbitmq_properties.h"

namespace penstock::rabbitmq {

DestinationScout::DestinationScout(FrameBuffer& out, const std::string& known_exchange) : out_(out) {
  if (!known_exchange.empty()) exchanges_.found(known_exchange);
}

DestinationScout::Answer DestinationScout::ask(const connectors::Message& message, Time now) {
  const std::string_view exchange = message.destination;
  switch (exchanges_.find(exchange, now)) {
    case ExchangeBook::Known::kThere: break;
    case ExchangeBook::Known::kUnknown: look_for_exchange(exchange); return Answer::kWait;
    case ExchangeBook::Known::kMissing: return refuse(exchanges_.why_missing(exchange));
  }
  switch (rights_.find(exchange, message.routing_key, now)) {
    case RightsBook::Right::kAssumed: return Answer::kGo;
    case RightsBook::Right::kDoubted: ask_for_right(exchange, message.routing_key); return Answer::kWait;
    case RightsBook::Right::kRefused: return refuse(rights_.why_refused(exchange, message.routing_key, now));
  }
  return Answer::kGo;
}

DestinationScout::Answer DestinationScout::refuse(std::shared_ptr<const Error> why) {
  why_refused_ = std::move(why);
  return Answer::kRefused;
}

void DestinationScout::look_for_exchange(std::string_view exchange) {
  if (looked_for_) return;
  looked_for_ = std::string(exchange);
  if (look_channel_ == LookChannel::kClosed) {
    amqp_channel_open_t open{};
    out_.add_method(RabbitConnection::kLookChannel, AMQP_CHANNEL_OPEN_METHOD, &open);
    look_channel_ = LookChannel::kOpen;
  }
  amqp_exchange_declare_t declare{};
  declare.exchange = bytes_of(*looked_for_);
  declare.type = amqp_cstring_bytes("topic");
  declare.passive = 1;
  out_.add_method(RabbitConnection::kLookChannel, AMQP_EXCHANGE_DECLARE_METHOD, &declare);
}

void DestinationScout::on_exchange_channel(const amqp_method_t& method, Time now) {
  if (method.id == AMQP_EXCHANGE_DECLARE_OK_METHOD && looked_for_) {
    exchanges_.found(*looked_for_);
    looked_for_.reset();
  } else if (method.id == AMQP_CHANNEL_CLOSE_METHOD) {
    const auto* close = static_cast<const amqp_channel_close_t*>(method.decoded);
    if (looked_for_)
      exchanges_.missed(*looked_for_,
                        error_of_reply("looking for exchange \"" + *looked_for_ + "\"", close->reply_code,
                                       text_of(close->reply_text)),
                        now);
    looked_for_.reset();
    look_channel_ = LookChannel::kClosed;
    confirm_close(RabbitConnection::kLookChannel);
  }
}

// A publish that is rolled back.
void DestinationScout::ask_for_right(std::string_view exchange, std::string_view routing_key) {
  if (right_channel_ != RightChannel::kClosed) return;
  right_channel_ = RightChannel::kAsked;
  asked_for_ = {std::string(exchange), std::string(routing_key)};
  constexpr auto kChannel = RabbitConnection::kRightChannel;
  amqp_channel_open_t open{};
  out_.add_method(kChannel, AMQP_CHANNEL_OPEN_METHOD, &open);
  amqp_tx_select_t select{};
  out_.add_method(kChannel, AMQP_TX_SELECT_METHOD, &select);
  out_.add_empty_publish(kChannel, exchange, routing_key);
  amqp_tx_rollback_t rollback{};
  out_.add_method(kChannel, AMQP_TX_ROLLBACK_METHOD, &rollback);
}

void DestinationScout::on_right_channel(const amqp_method_t& method, Time now) {
  switch (method.id) {
    case AMQP_TX_ROLLBACK_OK_METHOD: {
      rights_.granted(asked_for_.exchange, *asked_for_.routing_key);
      amqp_channel_close_t close{};
      close.reply_code = AMQP_REPLY_SUCCESS;
      out_.add_method(RabbitConnection::kRightChannel, AMQP_CHANNEL_CLOSE_METHOD, &close);
      right_channel_ = RightChannel::kClosing;
      return;
    }
    case AMQP_CHANNEL_CLOSE_METHOD:
      right_refused(*static_cast<const amqp_channel_close_t*>(method.decoded), now);
      confirm_close(RabbitConnection::kRightChannel);
      right_channel_ = RightChannel::kClosed;
      return;
    case AMQP_CHANNEL_CLOSE_OK_METHOD: right_channel_ = RightChannel::kClosed; return;
    default: return;
  }
}

void DestinationScout::right_refused(const amqp_channel_close_t& close, Time now) {
  const std::string_view text = text_of(close.reply_text);
  Error why = error_of_reply(
      "publishing to exchange \"" + asked_for_.exchange + "\" with routing key \"" + *asked_for_.routing_key + "\"",
      close.reply_code, text);
  const auto named = find_refused_write(text);
  const bool whole = named && !named->routing_key;
  rights_.refused({asked_for_.exchange, whole ? std::nullopt : asked_for_.routing_key}, std::move(why), now);
}

void DestinationScout::confirm_close(std::uint16_t channel) {
  amqp_channel_close_ok_t ok{};
  out_.add_method(channel, AMQP_CHANNEL_CLOSE_OK_METHOD, &ok);
}

}  // namespace penstock::rabbitmq
