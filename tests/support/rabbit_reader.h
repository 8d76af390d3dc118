// The other side of a RabbitMQ sink, for tests: declares what messages go to, and reads what arrived.
// Not the product's code: a plain client that waits, with a connection of its own. Throws
// std::runtime_error with the broker's words where something can't be done.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/clock.h"

struct amqp_connection_state_t_;

namespace penstock::tests {

// What a consumer sees of a message.
struct RabbitArrival {
  std::string body, exchange, routing_key;
  std::string message_id, type, content_type;
  std::optional<std::uint64_t> timestamp;
  int delivery_mode = 0;
  std::map<std::string, std::variant<std::string, std::int64_t, bool>> headers;
  // The broker handed it out before, to a session that ended without acknowledging it.
  bool redelivered = false;

  std::string text(const std::string& header) const;  // empty if there is none
};

struct RabbitQueue {
  std::string name;
  std::optional<int> max_length;
  enum class Overflow { kDropHead, kRejectPublish } overflow = Overflow::kDropHead;
};

// Declares and removes. Everything is durable.
class RabbitAdmin {
 public:
  explicit RabbitAdmin(const std::string& url);
  ~RabbitAdmin();
  RabbitAdmin(const RabbitAdmin&) = delete;
  RabbitAdmin& operator=(const RabbitAdmin&) = delete;

  void declare_exchange(const std::string& name, const std::string& type = "topic");
  void delete_exchange(const std::string& name);
  void declare_queue(const RabbitQueue& queue);
  void delete_queue(const std::string& name);
  void bind(const std::string& queue, const std::string& exchange, const std::string& routing_key = "#");
  void unbind(const std::string& queue, const std::string& exchange, const std::string& routing_key = "#");
  // Messages in the queue.
  std::size_t depth(const std::string& queue);
  void purge(const std::string& queue);

 private:
  struct Session;
  std::unique_ptr<Session> session_;
};

// Consumes one queue in order; connects again when the broker comes back, and sees then, marked as
// redelivered, what it had not acknowledged.
class RabbitReader {
 public:
  RabbitReader(std::string url, std::string queue);
  ~RabbitReader();
  RabbitReader(const RabbitReader&) = delete;
  RabbitReader& operator=(const RabbitReader&) = delete;

  // At most `most`; fewer when the deadline comes first. Acknowledged before it returns.
  std::vector<RabbitArrival> read(std::size_t most, Deadline deadline);

 private:
  struct Session;
  bool ensure_session();

  const std::string url_, queue_;
  std::unique_ptr<Session> session_;
};

}  // namespace penstock::tests
