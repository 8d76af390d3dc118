#include "connectors/rabbitmq/publisher.h"

#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "connectors/rabbitmq/rabbitmq_errors.h"

namespace penstock::rabbitmq {
namespace {

using connectors::Outcome;
using connectors::SinkState;
using std::chrono::steady_clock;

constexpr std::size_t kWriteAtOnce = 256 << 10;
constexpr int kFramesBetweenReleases = 256;

Error lost(std::string_view what) { return Error(codes::kRabbitUnavailable, std::string(what)); }

}  // namespace

std::optional<std::size_t> find_body_limit(std::string_view reply_text) {
  constexpr std::string_view kBefore = "max size ";
  const auto at = reply_text.find(kBefore);
  if (at == std::string_view::npos || reply_text.find("larger than") == std::string_view::npos) return std::nullopt;
  const std::string_view digits = reply_text.substr(at + kBefore.size());
  std::size_t limit = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), limit);
  if (parsed.ec != std::errc()) return std::nullopt;
  return limit;
}

Publisher::Publisher(RabbitConnection& connection, Handover& handover, connectors::OutcomeListener& listener,
                     const std::string& known_exchange)
    : connection_(connection),
      handover_(handover),
      listener_(listener),
      known_exchange_(known_exchange),
      out_(connection.frame_max()),
      last_read_(steady_clock::now()),
      last_write_(last_read_),
      nacked_(std::make_shared<const Error>(codes::kRabbitNacked, "the broker did not take the message (basic.nack)")) {
}

Publisher::Ended Publisher::run(const std::stop_token& stop) {
  const Ended ended = work(stop);
  switch (ended) {
    case Ended::kStopped: break;
    case Ended::kRightLost: lose_everything(handover_.state().why); break;
    case Ended::kConnectionLost:
      // First the state: nothing is accepted any more that would have no outcome.
      enter({.phase = SinkState::Phase::kBroken, .why = why_});
      lose_everything(why_);
      break;
  }
  return ended;
}

Publisher::Ended Publisher::work(const std::stop_token& stop) {
  for (;;) {
    if (stop.stop_requested()) return Ended::kStopped;
    if (!handover_.has_right()) return Ended::kRightLost;
    handover_.take(waiting_);
    encode_waiting();
    Status alive = write_pending();
    if (alive) alive = wait_and_read();
    report_settled();
    if (alive) alive = keep_heartbeat();
    if (!alive) {
      why_ = std::make_shared<const Error>(std::move(alive.error()));
      return Ended::kConnectionLost;
    }
  }
}

void Publisher::lose_everything(const std::shared_ptr<const Error>& why) {
  window_.lose_all(why, settled_);
  handover_.take(waiting_);
  for (const Accepted& accepted : waiting_) settled_.push_back({accepted, Outcome::kRetryable, why});
  waiting_.clear();
  report_settled();
}

void Publisher::encode_waiting() {
  while (!waiting_.empty() && flow_ == Flow::kOpen && out_.pending().size() < kWriteAtOnce) {
    const connectors::Message& message = *waiting_.front().message;
    Status fits = properties_.fill(message);
    if (fits && message.body && message.body->size() > most_body_bytes_)
      fits = fail(codes::kRabbitRejected, "a body of " + std::to_string(message.body->size()) +
                                              " bytes is larger than the broker's max_message_size of " +
                                              std::to_string(most_body_bytes_));
    if (fits) {
      switch (scout_.ask(message, steady_clock::now())) {
        case DestinationScout::Answer::kGo: break;
        case DestinationScout::Answer::kWait: return;
        case DestinationScout::Answer::kRefused: refuse_front(Outcome::kRetryable, scout_.why_refused()); continue;
      }
      fits = out_.add_publish(RabbitConnection::kPublishChannel, message, properties_);
    }
    if (!fits) {
      refuse_front(Outcome::kRejected, std::make_shared<const Error>(std::move(fits.error())));
      continue;
    }
    window_.published(waiting_.front());
    waiting_.pop_front();
  }
}

void Publisher::refuse_front(Outcome outcome, std::shared_ptr<const Error> error) {
  settled_.push_back({waiting_.front(), outcome, std::move(error)});
  waiting_.pop_front();
}

Status Publisher::write_pending() {
  while (!out_.empty()) {
    const auto written = connection_.write(out_.pending());
    if (!written) return fail(Error(written.error()));
    if (*written == 0) return {};
    out_.consume(*written);
    last_write_ = steady_clock::now();
  }
  return {};
}

Status Publisher::wait_and_read() {
  std::array<pollfd, 2> polled{
      pollfd{connection_.descriptor(), static_cast<short>(out_.empty() ? POLLIN : POLLIN | POLLOUT), 0},
      pollfd{handover_.wake_descriptor(), POLLIN, 0}};
  if (::poll(polled.data(), polled.size(), poll_timeout_ms()) < 0 && errno != EINTR)
    return fail(codes::kRabbitUnavailable, std::string("waiting for the broker: ") + std::strerror(errno));
  if (polled[1].revents != 0) handover_.clear_wake();
  if ((polled[0].revents & ~POLLOUT) == 0) return {};
  last_read_ = steady_clock::now();
  return read_frames();
}

int Publisher::poll_timeout_ms() const {
  // Rejections wait to be reported, or more fits into the socket at once.
  const bool more = !waiting_.empty() && flow_ == Flow::kOpen && out_.empty() && !scout_.waits();
  if (more || !settled_.empty()) return 0;
  const auto heartbeat = connection_.heartbeat();
  if (heartbeat.count() == 0) return 60'000;
  const auto due = std::min(last_write_ + heartbeat / 2, last_read_ + 2 * heartbeat) - steady_clock::now();
  const auto wait = std::chrono::duration_cast<std::chrono::milliseconds>(due).count() + 1;
  // While the socket takes nothing, heartbeats can't be sent either: no reason to hurry.
  return static_cast<int>(std::max<std::int64_t>(wait, out_.empty() ? 0 : 100));
}

Status Publisher::read_frames() {
  for (int frames = 1;; ++frames) {
    const auto frame = connection_.next_frame();
    if (!frame) return fail(Error(frame.error()));
    if (!*frame) break;
    if (auto alive = on_frame(**frame); !alive) return alive;
    if (frames % kFramesBetweenReleases == 0) connection_.release_frames();
  }
  connection_.release_frames();
  return {};
}

Status Publisher::on_frame(const amqp_frame_t& frame) {
  if (frame.frame_type == AMQP_FRAME_METHOD) {
    const amqp_method_t& method = frame.payload.method;
    switch (frame.channel) {
      case 0: return on_connection(method);
      case RabbitConnection::kPublishChannel: return on_publish_channel(method);
      case RabbitConnection::kLookChannel: scout_.on_exchange_channel(method, last_read_); return {};
      case RabbitConnection::kRightChannel: scout_.on_right_channel(method, last_read_); return {};
      default: return {};
    }
  }
  if (frame.channel != RabbitConnection::kPublishChannel) return {};
  if (const auto returned = returns_.content(frame)) on_returned(*returned);
  return {};
}

Status Publisher::on_publish_channel(const amqp_method_t& method) {
  using Confirm = ConfirmWindow::Confirm;
  const auto confirm = [&](std::uint64_t number, amqp_boolean_t multiple, Confirm kind) -> Status {
    const auto reach = multiple ? ConfirmWindow::Reach::kUpTo : ConfirmWindow::Reach::kOne;
    if (window_.confirmed(number, reach, kind, nacked_, settled_)) return {};
    return fail(codes::kRabbitProtocolError,
                "the broker confirmed message " + std::to_string(number) + ", which was never published");
  };
  switch (method.id) {
    case AMQP_BASIC_ACK_METHOD: {
      const auto* ack = static_cast<const amqp_basic_ack_t*>(method.decoded);
      return confirm(ack->delivery_tag, ack->multiple, Confirm::kAck);
    }
    case AMQP_BASIC_NACK_METHOD: {
      const auto* nack = static_cast<const amqp_basic_nack_t*>(method.decoded);
      return confirm(nack->delivery_tag, nack->multiple, Confirm::kNack);
    }
    case AMQP_BASIC_RETURN_METHOD: returns_.begin(*static_cast<const amqp_basic_return_t*>(method.decoded)); return {};
    case AMQP_CHANNEL_CLOSE_METHOD:
      return on_publish_channel_closed(*static_cast<const amqp_channel_close_t*>(method.decoded));
    default: return {};
  }
}

// Where the broker's words say which message it was, the others go again, over a new channel. Those before it may have
// arrived already: their confirms went with the old one.
Status Publisher::on_publish_channel_closed(const amqp_channel_close_t& close) {
  window_.take_back(waiting_);
  returns_ = {};
  if (!learns_from(close)) return fail(error_of_reply("publishing", close.reply_code, text_of(close.reply_text)));
  constexpr auto kChannel = RabbitConnection::kPublishChannel;
  amqp_channel_close_ok_t ok{};
  out_.add_method(kChannel, AMQP_CHANNEL_CLOSE_OK_METHOD, &ok);
  amqp_channel_open_t open{};
  out_.add_method(kChannel, AMQP_CHANNEL_OPEN_METHOD, &open);
  amqp_confirm_select_t select{};
  out_.add_method(kChannel, AMQP_CONFIRM_SELECT_METHOD, &select);
  return {};
}

// Whether the same can't happen again with what waits now.
bool Publisher::learns_from(const amqp_channel_close_t& close) {
  const std::string_view text = text_of(close.reply_text);
  switch (static_cast<Reply>(close.reply_code)) {
    case Reply::kPreconditionFailed: return learns_limit(text);
    case Reply::kAccessRefused: return learns_refusal(error_of_reply("publishing", close.reply_code, text), text);
    default: return false;
  }
}

bool Publisher::learns_limit(std::string_view reply_text) {
  const auto limit = find_body_limit(reply_text);
  if (!limit || *limit >= most_body_bytes_) return false;
  most_body_bytes_ = *limit;
  return true;
}

bool Publisher::learns_refusal(const Error& why, std::string_view reply_text) {
  const auto refused = find_refused_write(reply_text);
  if (!refused) return doubts_what_waits();
  // What the whole route may not do is found out, and said, when it connects.
  if (!refused->routing_key && refused->exchange == known_exchange_) return false;
  const bool is_ours = std::ranges::any_of(waiting_, [&](const Accepted& accepted) {
    return accepted.message->destination == refused->exchange &&
           (!refused->routing_key || accepted.message->routing_key == *refused->routing_key);
  });
  if (is_ours) scout_.rights().refused(*refused, why, last_read_);
  return is_ours;
}

bool Publisher::doubts_what_waits() {
  bool learned = false;
  for (const Accepted& accepted : waiting_) {
    const std::string_view exchange = accepted.message->destination;
    if (scout_.rights().doubts(exchange)) continue;
    scout_.rights().doubt(exchange);
    learned = true;
  }
  return learned;
}

void Publisher::on_returned(const ReturnedMessage& returned) {
  auto error = std::make_shared<const Error>(error_of_reply(
      "publishing to exchange \"" + returned.exchange + "\" with routing key \"" + returned.routing_key + "\"",
      returned.reply_code, returned.reply_text));
  // One that can't be found was lost with a former confirm; its own confirm decides.
  window_.returned(returned.message_id, returned.exchange, returned.routing_key, std::move(error));
}

Status Publisher::on_connection(const amqp_method_t& method) {
  switch (method.id) {
    case AMQP_CONNECTION_CLOSE_METHOD: {
      const auto* close = static_cast<const amqp_connection_close_t*>(method.decoded);
      Error error = error_of_reply("the broker closed the connection", close->reply_code, text_of(close->reply_text));
      amqp_connection_close_ok_t ok{};
      out_.add_method(0, AMQP_CONNECTION_CLOSE_OK_METHOD, &ok);
      static_cast<void>(write_pending());  // a courtesy; the connection is lost either way
      return fail(std::move(error));
    }
    case AMQP_CONNECTION_BLOCKED_METHOD: {
      const auto* blocked = static_cast<const amqp_connection_blocked_t*>(method.decoded);
      flow_ = Flow::kBlocked;
      enter({.phase = SinkState::Phase::kBlocked,
             .why = std::make_shared<const Error>(
                 codes::kRabbitBlocked, "the broker blocks publishers: " + std::string(text_of(blocked->reason)))});
      return {};
    }
    case AMQP_CONNECTION_UNBLOCKED_METHOD:
      flow_ = Flow::kOpen;
      enter({.phase = SinkState::Phase::kReady, .why = nullptr});
      return {};
    default: return {};
  }
}

Status Publisher::keep_heartbeat() {
  const auto heartbeat = connection_.heartbeat();
  if (heartbeat.count() == 0) return {};
  const auto now = steady_clock::now();
  if (now - last_read_ >= 2 * heartbeat)
    return fail(lost("the broker was silent for two heartbeats (" + std::to_string(2 * heartbeat.count()) + " s)"));
  if (now - last_write_ >= heartbeat / 2 && out_.empty()) out_.add_heartbeat();
  return {};
}

void Publisher::enter(SinkState state) {
  if (handover_.enter(std::move(state))) listener_.sink_changed();
}

void Publisher::report_settled() {
  if (settled_.empty()) return;
  std::size_t bytes = 0;
  for (ConfirmWindow::Settled& settled : settled_) {
    bytes += settled.accepted.bytes;
    reports_.push_back(
        {.ticket = settled.accepted.ticket, .outcome = settled.outcome, .error = std::move(settled.error)});
  }
  settled_.clear();
  listener_.report(reports_);
  handover_.answered(reports_.size(), bytes);
  reports_.clear();
}

}  // namespace penstock::rabbitmq
