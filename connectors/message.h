// An event mapped for one sink, and how it is built.
//
// A message is views again: into its event, into text that lives as long as the route (topic names,
// header names) and into one small block of its own for what had to be rendered (times, numbers).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include "core/event.h"

namespace penstock::connectors {

// Text where the sink has only text; numbers and truth values where its header table has types.
using HeaderValue = std::variant<std::string_view, std::int64_t, bool>;

struct Header {
  std::string_view name;
  HeaderValue value;
};

// Move-only; moving keeps every view valid.
struct Message {
  EventRef event;                       // never null; keeps what the views point into alive
  std::string_view destination;         // topic, exchange
  std::string_view routing_key;         // RabbitMQ only
  std::optional<std::string_view> key;  // mapped key: order is kept per (destination, key)
  std::vector<Header> headers;
  std::optional<std::string_view> body;           // the event's data, untouched
  std::unique_ptr<char[]> text;                   // owns what was rendered
  std::vector<std::unique_ptr<char[]>> outgrown;  // earlier blocks of a message with much text

  Message() = default;
  Message(Message&&) noexcept = default;
  Message& operator=(Message&&) noexcept = default;

  // What the windows count: 512 bytes, and the larger of the event, metadata included, and of key, headers and body.
  std::size_t size_bytes() const;
};

// Renders into a block that it hands over with the message. Reusable; single-threaded.
class MessageBuilder {
 public:
  explicit MessageBuilder(EventRef event);

  Message& message() { return message_; }
  void reserve_headers(std::size_t count) { message_.headers.reserve(count); }
  void header(std::string_view name, HeaderValue value) { message_.headers.push_back({name, value}); }

  // Each returns a view that lives as long as the message.
  std::string_view keep(std::string_view text);
  std::string_view render(const EventId& id);
  std::string_view render(Timestamp time);
  std::string_view render(std::int64_t number);

  Message finish() &&;

 private:
  char* take(std::size_t bytes);

  Message message_;
  std::size_t used_ = 0, capacity_ = 0;
};

// What the broker sees of an event: headers and body in one convention. Pure and stateless; one
// object a convention ("native"), owned by the connector's kind.
class WireProfile {
 public:
  virtual ~WireProfile() = default;
  virtual std::string_view name() const = 0;
  // Adds the convention's headers and sets the body. Destination and keys are the mapping's.
  virtual void encode(const Event& event, MessageBuilder& builder) const = 0;
};

}  // namespace penstock::connectors
