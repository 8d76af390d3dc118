#include "tests/support/http_talk.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <stdexcept>

namespace penstock::tests {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::string_view kHeadEnd = "\r\n\r\n";

std::size_t number_after(std::string_view text, std::string_view before) {
  const auto at = text.find(before);
  std::size_t number = 0;
  if (at != std::string_view::npos)
    std::from_chars(text.data() + at + before.size(), text.data() + text.size(), number);
  return number;
}

}  // namespace

HttpTalk::HttpTalk(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return;
  ::close(socket_);
  throw std::runtime_error("nobody listens at port " + std::to_string(port));
}

HttpTalk::~HttpTalk() { ::close(socket_); }

void HttpTalk::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;  // the other side has ended it, as the next read tells
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

HttpTalk::Received HttpTalk::receive(Clock::time_point deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
  pollfd target{socket_, POLLIN, 0};
  if (left.count() <= 0 || ::poll(&target, 1, static_cast<int>(left.count())) <= 0) return Received::kNothing;
  std::array<char, 4096> block;
  const ssize_t got = ::recv(socket_, block.data(), block.size(), 0);
  if (got <= 0) return Received::kEnd;
  received_.append(block.data(), static_cast<std::size_t>(got));
  return Received::kBytes;
}

HttpReply HttpTalk::read_head(std::chrono::milliseconds patience) {
  const auto deadline = Clock::now() + patience;
  while (received_.find(kHeadEnd) == std::string::npos)
    if (receive(deadline) != Received::kBytes) return {};
  const std::size_t size = received_.find(kHeadEnd) + kHeadEnd.size();
  HttpReply reply;
  reply.head = received_.substr(0, size);
  reply.status = static_cast<int>(number_after(reply.head, "HTTP/1.1 "));
  received_.erase(0, size);
  return reply;
}

HttpReply HttpTalk::read(std::chrono::milliseconds patience) {
  const auto deadline = Clock::now() + patience;
  HttpReply reply = read_head(patience);
  const std::size_t size = number_after(reply.head, "Content-Length: ");
  while (received_.size() < size)
    if (receive(deadline) != Received::kBytes) return {};
  reply.body = received_.substr(0, size);
  received_.erase(0, size);
  return reply;
}

bool HttpTalk::ends_within(std::chrono::milliseconds patience) {
  const auto deadline = Clock::now() + patience;
  Received received = Received::kBytes;
  while (received == Received::kBytes) received = receive(deadline);
  return received == Received::kEnd;
}

HttpReply http_get(std::uint16_t port, std::string_view path) {
  HttpTalk talk(port);
  talk.send("GET " + std::string(path) + " HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
  return talk.read();
}

}  // namespace penstock::tests
