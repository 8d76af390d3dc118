#include "connectors/rabbitmq/rabbitmq_connection.h"

#include <amqp_ssl_socket.h>
#include <amqp_tcp_socket.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "connectors/rabbitmq/rabbitmq_errors.h"
#include "connectors/rabbitmq/rabbitmq_properties.h"
#include "connectors/rabbitmq/stops_waiting.h"
#include "core/invariant.h"

namespace penstock::rabbitmq {
namespace {

constexpr int kChannels = 8;
constexpr int kFrameMax = 131'072;
constexpr std::chrono::seconds kLongestStep{5};

timeval time_left(Deadline deadline) {
  const auto left = std::min<std::chrono::milliseconds>(deadline.remaining(), kLongestStep);
  const auto bounded = std::max(left, std::chrono::milliseconds(1));  // 0 would mean "for ever"
  return {.tv_sec = bounded.count() / 1'000, .tv_usec = bounded.count() % 1'000 * 1'000};
}

amqp_table_entry_t text_entry(const char* name, const std::string& value) {
  amqp_table_entry_t entry{};
  entry.key = amqp_cstring_bytes(name);
  entry.value.kind = AMQP_FIELD_KIND_UTF8;
  entry.value.value.bytes = bytes_of(value);
  return entry;
}

amqp_table_entry_t capability(const char* name) {
  amqp_table_entry_t entry{};
  entry.key = amqp_cstring_bytes(name);
  entry.value.kind = AMQP_FIELD_KIND_BOOLEAN;
  entry.value.value.boolean = 1;
  return entry;
}

Status status_of(std::string_view what, const amqp_rpc_reply_t& reply) {
  switch (reply.reply_type) {
    case AMQP_RESPONSE_NORMAL: return {};
    case AMQP_RESPONSE_NONE: return fail(codes::kRabbitUnavailable, std::string(what) + ": the connection ended");
    case AMQP_RESPONSE_LIBRARY_EXCEPTION: return fail(error_of_status(what, reply.library_error));
    case AMQP_RESPONSE_SERVER_EXCEPTION: break;
  }
  if (reply.reply.id == AMQP_CONNECTION_CLOSE_METHOD) {
    const auto* close = static_cast<amqp_connection_close_t*>(reply.reply.decoded);
    return fail(error_of_reply(what, close->reply_code, text_of(close->reply_text)));
  }
  if (reply.reply.id == AMQP_CHANNEL_CLOSE_METHOD) {
    const auto* close = static_cast<amqp_channel_close_t*>(reply.reply.decoded);
    return fail(error_of_reply(what, close->reply_code, text_of(close->reply_text)));
  }
  return fail(codes::kRabbitProtocolError, std::string(what) + ": an unexpected method came as the answer");
}

}  // namespace

RabbitConnection::RabbitConnection(const BrokerAddress& address)
    : address_(address), state_(amqp_new_connection(), &amqp_destroy_connection) {}

RabbitConnection::~RabbitConnection() = default;

Result<std::unique_ptr<RabbitConnection>> RabbitConnection::open(const RabbitSettings& settings,
                                                                 const std::string& name, Deadline deadline,
                                                                 std::stop_token stop) {
  std::unique_ptr<RabbitConnection> connection(new RabbitConnection(settings.address));
  if (!connection->state_) return fail(codes::kInternal, "no memory for an AMQP connection");
  if (stop.stop_requested()) return fail(codes::kStopped, "connecting to the broker was stopped");
  if (auto connected = connection->connect(settings, deadline, stop); !connected)
    return fail(std::move(connected.error()));
  if (auto logged_in = connection->log_in(settings, name, deadline, stop); !logged_in)
    return fail(std::move(logged_in.error()));
  connection->phase_ = Phase::kOpen;
  return connection;
}

Status RabbitConnection::connect(const RabbitSettings& settings, Deadline deadline, const std::stop_token& stop) {
  const bool tls = address_.transport == BrokerAddress::Transport::kTls;
  amqp_socket_t* socket = tls ? amqp_ssl_socket_new(state_.get()) : amqp_tcp_socket_new(state_.get());
  if (socket == nullptr) return fail(codes::kInternal, "no memory for a socket");
  if (tls) {
    if (auto configured = tls_.configure(socket, settings, stop); !configured) return configured;
  }
  const timeval wait = time_left(deadline);
  const int status = amqp_socket_open_noblock(socket, address_.host.c_str(), address_.port, &wait);
  if (status != AMQP_STATUS_OK && stop.stop_requested())
    return fail(codes::kStopped, "connecting to the broker was stopped");
  if (status == AMQP_STATUS_SOCKET_ERROR)  // the library keeps the system's reason for itself
    return fail(codes::kRabbitUnavailable, "connecting to " + address_.describe() + ": refused, or out of reach");
  if (status != AMQP_STATUS_OK) return fail(error_of_status("connecting to " + address_.describe(), status));
  if (tls) tls_.begin();
  return {};
}

Status RabbitConnection::log_in(const RabbitSettings& settings, const std::string& name, Deadline deadline,
                                std::stop_token stop) {
  const StopsWaiting stops(descriptor(), stop);
  const timeval wait = time_left(deadline);
  amqp_set_handshake_timeout(state_.get(), &wait);

  std::array capabilities{capability("connection.blocked"), capability("publisher_confirms"), capability("basic.nack"),
                          capability("consumer_cancel_notify")};
  amqp_table_entry_t capabilities_entry{};
  capabilities_entry.key = amqp_cstring_bytes("capabilities");
  capabilities_entry.value.kind = AMQP_FIELD_KIND_TABLE;
  capabilities_entry.value.value.table = {.num_entries = static_cast<int>(capabilities.size()),
                                          .entries = capabilities.data()};
  const std::string product = "penstock";
  std::array properties{text_entry("product", product), text_entry("connection_name", name), capabilities_entry};
  const amqp_table_t table{.num_entries = static_cast<int>(properties.size()), .entries = properties.data()};

  const amqp_rpc_reply_t reply = amqp_login_with_properties(
      state_.get(), address_.vhost.c_str(), kChannels, kFrameMax, static_cast<int>(settings.heartbeat.count()), &table,
      AMQP_SASL_METHOD_PLAIN, address_.user.c_str(), address_.password.reveal().c_str());
  if (reply.reply_type != AMQP_RESPONSE_NORMAL) {
    if (stop.stop_requested()) return fail(codes::kStopped, "connecting to the broker was stopped");
    return status_of("logging in to " + address_.describe() + " as " + address_.user, reply);
  }
  heartbeat_ = std::chrono::seconds(amqp_get_heartbeat(state_.get()));
  const int tuned =
      amqp_tune_connection(state_.get(), amqp_get_channel_max(state_.get()), amqp_get_frame_max(state_.get()), 0);
  if (tuned != AMQP_STATUS_OK) return fail(error_of_status("setting up the connection", tuned));
  return {};
}

Status RabbitConnection::call(std::string_view what, Deadline deadline, std::stop_token stop,
                              const std::function<amqp_rpc_reply_t()>& rpc) {
  if (stop.stop_requested()) return fail(codes::kStopped, std::string(what) + " was stopped");
  if (deadline.expired()) return fail(codes::kTimeout, std::string(what) + ": the broker took too long");
  const StopsWaiting stops(descriptor(), stop);
  const timeval wait = time_left(deadline);
  amqp_set_rpc_timeout(state_.get(), &wait);
  const amqp_rpc_reply_t reply = rpc();
  if (reply.reply_type == AMQP_RESPONSE_SERVER_EXCEPTION) look_channel_ = Channel::kRefused;
  if (reply.reply_type != AMQP_RESPONSE_NORMAL && stop.stop_requested())
    return fail(codes::kStopped, std::string(what) + " was stopped");
  return status_of(what, reply);
}

Status RabbitConnection::open_publish_channel(Deadline deadline, std::stop_token stop) {
  auto opened = call("opening a channel", deadline, stop, [this] {
    amqp_channel_open(state_.get(), kPublishChannel);
    return amqp_get_rpc_reply(state_.get());
  });
  if (!opened) return opened;
  return call("asking for confirms", deadline, stop, [this] {
    amqp_confirm_select(state_.get(), kPublishChannel);
    return amqp_get_rpc_reply(state_.get());
  });
}

Status RabbitConnection::on_look_channel(Deadline deadline, std::stop_token stop, const std::function<Status()>& look) {
  auto opened = call("opening a channel", deadline, stop, [this] {
    amqp_channel_open(state_.get(), kLookChannel);
    return amqp_get_rpc_reply(state_.get());
  });
  if (!opened) return opened;
  look_channel_ = Channel::kGoesOn;
  Status seen = look();
  if (look_channel_ == Channel::kRefused) {
    // A refusal closed the channel, which has to be acknowledged before its number is used again.
    amqp_channel_close_ok_t ok{};
    amqp_send_method(state_.get(), kLookChannel, AMQP_CHANNEL_CLOSE_OK_METHOD, &ok);
    return seen;
  }
  if (!seen) return seen;
  return call("closing a channel", deadline, stop,
              [this] { return amqp_channel_close(state_.get(), kLookChannel, AMQP_REPLY_SUCCESS); });
}

Status RabbitConnection::look_for_exchange(const std::string& exchange, Deadline deadline, std::stop_token stop) {
  if (exchange.empty()) return {};  // the default exchange is always there and can't be asked for
  return on_look_channel(deadline, stop, [&] {
    return call("looking for exchange \"" + exchange + "\"", deadline, stop, [&] {
      amqp_exchange_declare(state_.get(), kLookChannel, bytes_of(exchange), amqp_cstring_bytes("topic"), 1, 0, 0, 0,
                            amqp_empty_table);
      return amqp_get_rpc_reply(state_.get());
    });
  });
}

Status RabbitConnection::look_for_write_right(const std::string& exchange, const std::string& routing_key,
                                              Deadline deadline, std::stop_token stop) {
  return on_look_channel(deadline, stop, [&]() -> Status {
    const std::string what = "looking for the right to publish to exchange \"" + exchange + "\"";
    auto selected = call(what, deadline, stop, [this] {
      amqp_tx_select(state_.get(), kLookChannel);
      return amqp_get_rpc_reply(state_.get());
    });
    if (!selected) return selected;
    const int published = amqp_basic_publish(state_.get(), kLookChannel, bytes_of(exchange), bytes_of(routing_key), 0,
                                             0, nullptr, amqp_empty_bytes);
    if (published != AMQP_STATUS_OK) return fail(error_of_status(what, published));
    return call(what, deadline, stop, [this] {
      amqp_tx_rollback(state_.get(), kLookChannel);
      return amqp_get_rpc_reply(state_.get());
    });
  });
}

Result<std::optional<std::string>> RabbitConnection::objection_to_type(const std::string& exchange,
                                                                       const std::string& type, Deadline deadline,
                                                                       std::stop_token stop) {
  // Not durable, deleted with its last binding and internal: an exchange that somebody publishes to
  // differs from that, so the broker always objects, to the type first.
  Status declared = on_look_channel(deadline, stop, [&] {
    return call("asking for the type of exchange \"" + exchange + "\"", deadline, stop, [&] {
      amqp_exchange_declare(state_.get(), kLookChannel, bytes_of(exchange), bytes_of(type), 0, 0, 1, 1,
                            amqp_empty_table);
      return amqp_get_rpc_reply(state_.get());
    });
  });
  if (declared) {
    // It vanished in between, and was made just now: take that back.
    Status deleted = on_look_channel(deadline, stop, [&] {
      return call("taking back exchange \"" + exchange + "\"", deadline, stop, [&] {
        amqp_exchange_delete(state_.get(), kLookChannel, bytes_of(exchange), 1);
        return amqp_get_rpc_reply(state_.get());
      });
    });
    if (!deleted) return fail(std::move(deleted.error()));
    return std::nullopt;
  }
  const ErrorCode& code = declared.error().code();
  if (&code == &codes::kRabbitPreconditionFailed) return declared.error().message();
  if (&code == &codes::kRabbitUnauthorized) return std::nullopt;
  return fail(std::move(declared.error()));
}

int RabbitConnection::descriptor() const { return amqp_get_sockfd(state_.get()); }

std::size_t RabbitConnection::frame_max() const { return static_cast<std::size_t>(amqp_get_frame_max(state_.get())); }

Result<std::optional<amqp_frame_t>> RabbitConnection::next_frame() {
  amqp_frame_t frame;
  const timeval now{};
  const int status = amqp_simple_wait_frame_noblock(state_.get(), &frame, &now);
  if (status == AMQP_STATUS_OK) return frame;
  if (status == AMQP_STATUS_TIMEOUT) return std::nullopt;
  return fail(error_of_status("reading from " + address_.describe(), status));
}

void RabbitConnection::release_frames() { amqp_maybe_release_buffers(state_.get()); }

Result<std::size_t> RabbitConnection::write(std::string_view bytes) {
  if (address_.transport == BrokerAddress::Transport::kTls) return tls_.write(bytes);
  const ssize_t written = ::send(descriptor(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (written >= 0) return static_cast<std::size_t>(written);
  if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) return 0;
  return fail(codes::kRabbitUnavailable, "sending to " + address_.describe() + ": " + std::strerror(errno));
}

void RabbitConnection::close(Deadline deadline) {
  if (phase_ != Phase::kOpen || deadline.expired()) return;
  phase_ = Phase::kClosed;
  const timeval wait = time_left(deadline);
  amqp_set_rpc_timeout(state_.get(), &wait);
  // Nothing is left to be done about a broker that doesn't answer a goodbye.
  const amqp_rpc_reply_t ignored = amqp_connection_close(state_.get(), AMQP_REPLY_SUCCESS);
  static_cast<void>(ignored);
}

void RabbitConnection::cut() {
  phase_ = Phase::kClosed;
  const linger drop{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(descriptor(), SOL_SOCKET, SO_LINGER, &drop, sizeof drop);
  state_.reset();
}

}  // namespace penstock::rabbitmq
