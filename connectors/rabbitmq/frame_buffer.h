// Frames on their way to the broker, as the bytes that go into the socket.
//
// librabbitmq's own publish writes each frame by itself and waits, without a deadline, while the
// broker doesn't read. So messages are encoded here with the library's encoders, many into one
// buffer, and the caller writes as much as the socket takes. Nobody else may write to the connection
// while a frame is half written. Single-threaded.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "connectors/message.h"
#include "connectors/rabbitmq/rabbitmq_properties.h"
#include "core/error.h"

namespace penstock::rabbitmq {

class FrameBuffer {
 public:
  explicit FrameBuffer(std::size_t frame_max) : frame_max_(frame_max) {}

  // basic.publish (mandatory), header and body. Error: rabbitmq.rejected, and nothing was added.
  Status add_publish(std::uint16_t channel, const connectors::Message& message, const MessageProperties& properties);
  // Neither mandatory nor persistent; the names have at most 255 bytes.
  void add_empty_publish(std::uint16_t channel, std::string_view exchange, std::string_view routing_key);
  // `decoded` is librabbitmq's struct of that method, with short arguments.
  void add_method(std::uint16_t channel, amqp_method_number_t method, void* decoded);
  void add_heartbeat();

  std::string_view pending() const { return {bytes_.get() + begin_, end_ - begin_}; }
  bool empty() const { return begin_ == end_; }
  // The first `count` of the pending bytes were written.
  void consume(std::size_t count);

 private:
  char* reserve(std::size_t bytes);
  char* open_frame(std::uint8_t type, std::uint16_t channel);
  void close_frame(std::size_t payload_bytes);

  const std::size_t frame_max_;
  std::unique_ptr<char[]> bytes_;
  std::size_t capacity_ = 0, begin_ = 0, end_ = 0;
};

}  // namespace penstock::rabbitmq
