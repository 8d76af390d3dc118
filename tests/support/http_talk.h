// A connection to an HTTP server on loopback, byte by byte: what a client of a library can't say wrongly.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace penstock::tests {

struct HttpReply {
  int status = 0;    // 0: the connection ended, or the time, before there was one
  std::string head;  // status line and fields
  std::string body;
};

class HttpTalk {
 public:
  // To 127.0.0.1:port. Throws std::runtime_error when that is refused.
  explicit HttpTalk(std::uint16_t port);
  ~HttpTalk();
  HttpTalk(const HttpTalk&) = delete;
  HttpTalk& operator=(const HttpTalk&) = delete;

  void send(std::string_view bytes);
  // One reply, its body as long as its head says.
  HttpReply read(std::chrono::milliseconds patience = std::chrono::seconds(20));
  // The same for a reply to HEAD, which has none.
  HttpReply read_head(std::chrono::milliseconds patience = std::chrono::seconds(20));
  // Whether the other side ends the connection by then, whatever it says before.
  bool ends_within(std::chrono::milliseconds patience);

 private:
  enum class Received { kBytes, kEnd, kNothing };
  // Adds to received_; kNothing at the deadline.
  Received receive(std::chrono::steady_clock::time_point deadline);

  int socket_ = -1;
  std::string received_;
};

// GET of one path over a connection of its own.
HttpReply http_get(std::uint16_t port, std::string_view path);

}  // namespace penstock::tests
