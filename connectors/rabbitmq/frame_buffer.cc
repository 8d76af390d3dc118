#include "connectors/rabbitmq/frame_buffer.h"

#include <algorithm>
#include <cstring>

#include "core/invariant.h"

namespace penstock::rabbitmq {
namespace {

constexpr std::size_t kFrameHead = 7, kFrameEnd = 1;
constexpr std::size_t kMethodHead = 4;
constexpr std::size_t kContentHead = 12;  // class, weight, body size
constexpr std::size_t kLongestMethod = 1'024;
constexpr std::size_t kUsualCapacity = 512 << 10;

void write_u16(char* out, std::size_t value) {
  out[0] = static_cast<char>(value >> 8);
  out[1] = static_cast<char>(value);
}

void write_u32(char* out, std::size_t value) {
  write_u16(out, value >> 16);
  write_u16(out + 2, value);
}

void write_u64(char* out, std::uint64_t value) {
  write_u32(out, value >> 32);
  write_u32(out + 4, value);
}

}  // namespace

char* FrameBuffer::reserve(std::size_t bytes) {
  if (capacity_ - end_ < bytes) {
    const std::size_t used = end_ - begin_;
    const std::size_t capacity = std::max(kUsualCapacity, used + std::max(bytes, used));
    auto grown = std::make_unique_for_overwrite<char[]>(capacity);
    if (used > 0) std::memcpy(grown.get(), bytes_.get() + begin_, used);
    bytes_ = std::move(grown);
    capacity_ = capacity;
    begin_ = 0;
    end_ = used;
  }
  return bytes_.get() + end_;
}

void FrameBuffer::consume(std::size_t count) {
  INVARIANT(count <= end_ - begin_, "no more is written than is pending");
  begin_ += count;
  if (begin_ < end_) return;
  begin_ = end_ = 0;
  if (capacity_ > kUsualCapacity) {  // after an exceptionally large message
    bytes_.reset();
    capacity_ = 0;
  }
}

char* FrameBuffer::open_frame(std::uint8_t type, std::uint16_t channel) {
  char* frame = bytes_.get() + end_;
  frame[0] = static_cast<char>(type);
  write_u16(frame + 1, channel);
  return frame + kFrameHead;
}

void FrameBuffer::close_frame(std::size_t payload_bytes) {
  char* frame = bytes_.get() + end_;
  write_u32(frame + 3, payload_bytes);
  frame[kFrameHead + payload_bytes] = static_cast<char>(AMQP_FRAME_END);
  end_ += kFrameHead + payload_bytes + kFrameEnd;
}

void FrameBuffer::add_method(std::uint16_t channel, amqp_method_number_t method, void* decoded) {
  reserve(kFrameHead + kLongestMethod + kFrameEnd);
  char* payload = open_frame(AMQP_FRAME_METHOD, channel);
  write_u32(payload, method);
  const int encoded =
      amqp_encode_method(method, decoded, {.len = kLongestMethod - kMethodHead, .bytes = payload + kMethodHead});
  INVARIANT(encoded >= 0, "methods with short arguments can be encoded");
  close_frame(kMethodHead + static_cast<std::size_t>(encoded));
}

void FrameBuffer::add_heartbeat() {
  reserve(kFrameHead + kFrameEnd);
  open_frame(AMQP_FRAME_HEARTBEAT, 0);
  close_frame(0);
}

Status FrameBuffer::add_publish(std::uint16_t channel, const connectors::Message& message,
                                const MessageProperties& properties) {
  const std::string_view body = message.body.value_or(std::string_view());
  const std::size_t body_room = frame_max_ - kFrameHead - kFrameEnd;
  if (kContentHead + properties.encoded_bound() > body_room)
    return fail(codes::kRabbitRejected, "headers of " + std::to_string(properties.encoded_bound()) +
                                            " bytes don't fit into one frame of " + std::to_string(frame_max_));
  // One reservation for all frames, so that a message is added whole.
  const std::size_t body_frames = (body.size() + body_room - 1) / body_room;
  reserve(2 * (kFrameHead + kFrameEnd) + kLongestMethod + kContentHead + properties.encoded_bound() +
          body_frames * (kFrameHead + kFrameEnd) + body.size());

  amqp_basic_publish_t publish{};
  publish.exchange = bytes_of(message.destination);
  publish.routing_key = bytes_of(message.routing_key);
  publish.mandatory = 1;
  add_method(channel, AMQP_BASIC_PUBLISH_METHOD, &publish);

  char* payload = open_frame(AMQP_FRAME_HEADER, channel);
  write_u16(payload, AMQP_BASIC_CLASS);
  write_u16(payload + 2, 0);
  write_u64(payload + 4, body.size());
  auto decoded = properties.get();
  const int encoded = amqp_encode_properties(AMQP_BASIC_CLASS, &decoded,
                                             {.len = properties.encoded_bound(), .bytes = payload + kContentHead});
  INVARIANT(encoded >= 0, "properties fit into the bound that was computed for them");
  close_frame(kContentHead + static_cast<std::size_t>(encoded));

  for (std::size_t sent = 0; sent < body.size(); sent += body_room) {
    const std::size_t part = std::min(body_room, body.size() - sent);
    std::memcpy(open_frame(AMQP_FRAME_BODY, channel), body.data() + sent, part);
    close_frame(part);
  }
  return {};
}

void FrameBuffer::add_empty_publish(std::uint16_t channel, std::string_view exchange, std::string_view routing_key) {
  amqp_basic_publish_t publish{};
  publish.exchange = bytes_of(exchange);
  publish.routing_key = bytes_of(routing_key);
  add_method(channel, AMQP_BASIC_PUBLISH_METHOD, &publish);

  constexpr std::size_t kNoProperties = 2;
  reserve(kFrameHead + kContentHead + kNoProperties + kFrameEnd);
  char* payload = open_frame(AMQP_FRAME_HEADER, channel);
  std::memset(payload, 0, kContentHead + kNoProperties);
  write_u16(payload, AMQP_BASIC_CLASS);
  close_frame(kContentHead + kNoProperties);
}

}  // namespace penstock::rabbitmq
