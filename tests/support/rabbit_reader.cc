#include "tests/support/rabbit_reader.h"

#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_tcp_socket.h>

#include <stdexcept>
#include <thread>

namespace penstock::tests {
namespace {

constexpr amqp_channel_t kChannel = 1;
constexpr std::uint16_t kPrefetch = 2'000;
constexpr std::chrono::milliseconds kReconnectPause{100};

std::string string_of(amqp_bytes_t bytes) { return {static_cast<const char*>(bytes.bytes), bytes.len}; }

amqp_bytes_t bytes_of(const std::string& text) { return {.len = text.size(), .bytes = const_cast<char*>(text.data())}; }

std::string reason_of(const amqp_rpc_reply_t& reply) {
  if (reply.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION) return amqp_error_string2(reply.library_error);
  if (reply.reply_type != AMQP_RESPONSE_SERVER_EXCEPTION) return "no answer";
  if (reply.reply.id == AMQP_CHANNEL_CLOSE_METHOD)
    return string_of(static_cast<amqp_channel_close_t*>(reply.reply.decoded)->reply_text);
  if (reply.reply.id == AMQP_CONNECTION_CLOSE_METHOD)
    return string_of(static_cast<amqp_connection_close_t*>(reply.reply.decoded)->reply_text);
  return "an unexpected method";
}

void require(const std::string& what, const amqp_rpc_reply_t& reply) {
  if (reply.reply_type != AMQP_RESPONSE_NORMAL) throw std::runtime_error(what + ": " + reason_of(reply));
}

// A logged-in connection with one channel.
class Connection {
 public:
  explicit Connection(std::string url) : state_(amqp_new_connection(), &amqp_destroy_connection) {
    amqp_connection_info info{};
    if (amqp_parse_url(url.data(), &info) != AMQP_STATUS_OK) throw std::runtime_error("not an AMQP URL");
    const timeval wait{.tv_sec = 10, .tv_usec = 0};
    amqp_set_handshake_timeout(get(), &wait);
    amqp_set_rpc_timeout(get(), &wait);
    amqp_socket_t* socket = amqp_tcp_socket_new(get());
    const int opened = amqp_socket_open_noblock(socket, info.host, info.port, &wait);
    if (opened != AMQP_STATUS_OK) throw std::runtime_error(amqp_error_string2(opened));
    const std::string vhost = *info.vhost == '\0' ? "/" : info.vhost;
    require("login", amqp_login(get(), vhost.c_str(), 0, 131'072, 0, AMQP_SASL_METHOD_PLAIN, info.user, info.password));
    amqp_channel_open(get(), kChannel);
    require("channel", amqp_get_rpc_reply(get()));
  }
  ~Connection() {
    const auto ignored = amqp_connection_close(get(), AMQP_REPLY_SUCCESS);
    static_cast<void>(ignored);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  amqp_connection_state_t get() const { return state_.get(); }
  void check(const std::string& what) const { require(what, amqp_get_rpc_reply(get())); }

 private:
  std::unique_ptr<amqp_connection_state_t_, int (*)(amqp_connection_state_t)> state_;
};

std::variant<std::string, std::int64_t, bool> value_of(const amqp_field_value_t& value) {
  switch (value.kind) {
    case AMQP_FIELD_KIND_I64: return value.value.i64;
    case AMQP_FIELD_KIND_BOOLEAN: return value.value.boolean != 0;
    case AMQP_FIELD_KIND_UTF8: return string_of(value.value.bytes);
    default: return std::string("(of kind ") + static_cast<char>(value.kind) + ")";
  }
}

RabbitArrival arrival_of(const amqp_envelope_t& envelope) {
  const amqp_basic_properties_t& properties = envelope.message.properties;
  const auto text = [&](amqp_flags_t flag, amqp_bytes_t bytes) {
    return (properties._flags & flag) != 0 ? string_of(bytes) : std::string();
  };
  RabbitArrival arrival{.body = string_of(envelope.message.body),
                        .exchange = string_of(envelope.exchange),
                        .routing_key = string_of(envelope.routing_key),
                        .message_id = text(AMQP_BASIC_MESSAGE_ID_FLAG, properties.message_id),
                        .type = text(AMQP_BASIC_TYPE_FLAG, properties.type),
                        .content_type = text(AMQP_BASIC_CONTENT_TYPE_FLAG, properties.content_type)};
  if ((properties._flags & AMQP_BASIC_TIMESTAMP_FLAG) != 0) arrival.timestamp = properties.timestamp;
  if ((properties._flags & AMQP_BASIC_DELIVERY_MODE_FLAG) != 0) arrival.delivery_mode = properties.delivery_mode;
  if ((properties._flags & AMQP_BASIC_HEADERS_FLAG) != 0) {
    for (int i = 0; i < properties.headers.num_entries; ++i) {
      const amqp_table_entry_t& entry = properties.headers.entries[i];
      arrival.headers[string_of(entry.key)] = value_of(entry.value);
    }
  }
  arrival.redelivered = envelope.redelivered != 0;
  return arrival;
}

}  // namespace

std::string RabbitArrival::text(const std::string& header) const {
  const auto found = headers.find(header);
  const auto* text = found != headers.end() ? std::get_if<std::string>(&found->second) : nullptr;
  return text != nullptr ? *text : std::string();
}

struct RabbitAdmin::Session {
  explicit Session(const std::string& url) : connection(url) {}
  Connection connection;
};

RabbitAdmin::RabbitAdmin(const std::string& url) : session_(std::make_unique<Session>(url)) {}
RabbitAdmin::~RabbitAdmin() = default;

void RabbitAdmin::declare_exchange(const std::string& name, const std::string& type) {
  amqp_exchange_declare(session_->connection.get(), kChannel, bytes_of(name), bytes_of(type), 0, 1, 0, 0,
                        amqp_empty_table);
  session_->connection.check("declaring exchange " + name);
}

void RabbitAdmin::delete_exchange(const std::string& name) {
  amqp_exchange_delete(session_->connection.get(), kChannel, bytes_of(name), 0);
  session_->connection.check("deleting exchange " + name);
}

void RabbitAdmin::declare_queue(const RabbitQueue& queue) {
  std::vector<amqp_table_entry_t> arguments;
  if (queue.max_length) {
    amqp_table_entry_t entry{};
    entry.key = amqp_cstring_bytes("x-max-length");
    entry.value.kind = AMQP_FIELD_KIND_I32;
    entry.value.value.i32 = *queue.max_length;
    arguments.push_back(entry);
  }
  if (queue.overflow == RabbitQueue::Overflow::kRejectPublish) {
    amqp_table_entry_t entry{};
    entry.key = amqp_cstring_bytes("x-overflow");
    entry.value.kind = AMQP_FIELD_KIND_UTF8;
    entry.value.value.bytes = amqp_cstring_bytes("reject-publish");
    arguments.push_back(entry);
  }
  const amqp_table_t table{.num_entries = static_cast<int>(arguments.size()), .entries = arguments.data()};
  amqp_queue_declare(session_->connection.get(), kChannel, bytes_of(queue.name), 0, 1, 0, 0, table);
  session_->connection.check("declaring queue " + queue.name);
}

void RabbitAdmin::delete_queue(const std::string& name) {
  amqp_queue_delete(session_->connection.get(), kChannel, bytes_of(name), 0, 0);
  session_->connection.check("deleting queue " + name);
}

void RabbitAdmin::bind(const std::string& queue, const std::string& exchange, const std::string& routing_key) {
  amqp_queue_bind(session_->connection.get(), kChannel, bytes_of(queue), bytes_of(exchange), bytes_of(routing_key),
                  amqp_empty_table);
  session_->connection.check("binding queue " + queue);
}

void RabbitAdmin::unbind(const std::string& queue, const std::string& exchange, const std::string& routing_key) {
  amqp_queue_unbind(session_->connection.get(), kChannel, bytes_of(queue), bytes_of(exchange), bytes_of(routing_key),
                    amqp_empty_table);
  session_->connection.check("unbinding queue " + queue);
}

std::size_t RabbitAdmin::depth(const std::string& queue) {
  const auto* declared =
      amqp_queue_declare(session_->connection.get(), kChannel, bytes_of(queue), 1, 0, 0, 0, amqp_empty_table);
  session_->connection.check("looking at queue " + queue);
  return declared->message_count;
}

void RabbitAdmin::purge(const std::string& queue) {
  amqp_queue_purge(session_->connection.get(), kChannel, bytes_of(queue));
  session_->connection.check("purging queue " + queue);
}

struct RabbitReader::Session {
  Session(const std::string& url, const std::string& queue) : connection(url) {
    amqp_basic_qos(connection.get(), kChannel, 0, kPrefetch, 0);
    connection.check("setting the prefetch");
    amqp_basic_consume(connection.get(), kChannel, bytes_of(queue), amqp_empty_bytes, 0, 0, 0, amqp_empty_table);
    connection.check("consuming queue " + queue);
  }
  Connection connection;
};

RabbitReader::RabbitReader(std::string url, std::string queue) : url_(std::move(url)), queue_(std::move(queue)) {}
RabbitReader::~RabbitReader() = default;

bool RabbitReader::ensure_session() {
  if (session_) return true;
  try {
    session_ = std::make_unique<Session>(url_, queue_);
    return true;
  } catch (const std::runtime_error&) {  // the broker is away
    std::this_thread::sleep_for(kReconnectPause);
    return false;
  }
}

std::vector<RabbitArrival> RabbitReader::read(std::size_t most, Deadline deadline) {
  std::vector<RabbitArrival> arrivals;
  std::uint64_t last = 0;
  while (arrivals.size() < most && !deadline.expired()) {
    if (!ensure_session()) continue;
    const auto left = std::max(deadline.remaining(), std::chrono::milliseconds(1));
    const timeval wait{.tv_sec = left.count() / 1'000, .tv_usec = left.count() % 1'000 * 1'000};
    amqp_envelope_t envelope;
    amqp_maybe_release_buffers(session_->connection.get());
    const amqp_rpc_reply_t reply = amqp_consume_message(session_->connection.get(), &envelope, &wait, 0);
    if (reply.reply_type == AMQP_RESPONSE_NORMAL) {
      last = envelope.delivery_tag;
      arrivals.push_back(arrival_of(envelope));
      amqp_destroy_envelope(&envelope);
      if (arrivals.size() % (kPrefetch / 2) == 0) amqp_basic_ack(session_->connection.get(), kChannel, last, 1);
    } else if (reply.library_error != AMQP_STATUS_TIMEOUT) {
      session_.reset();
      last = 0;
    }
  }
  if (session_ && last != 0) amqp_basic_ack(session_->connection.get(), kChannel, last, 1);
  return arrivals;
}

}  // namespace penstock::tests
