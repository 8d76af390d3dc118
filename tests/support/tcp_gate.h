// Stands between a client and a server on loopback, and fails as a network does: holds everything
// back, cuts, refuses. Counts round trips as it forwards. One thread of its own. Thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace penstock::tests {

class TcpGate {
 public:
  // Forwards to 127.0.0.1:port.
  explicit TcpGate(std::uint16_t port);
  ~TcpGate();
  TcpGate(const TcpGate&) = delete;
  TcpGate& operator=(const TcpGate&) = delete;

  // What clients connect to; stays the same.
  std::uint16_t port() const;

  // Connections stay open, new ones are taken, and nothing passes in either direction.
  void hold();
  void release();
  // Every connection is reset; new ones go on as before.
  void cut();
  // Every connection is reset and new ones are refused, until come_back().
  void go_away();
  void come_back();

  // To every client, as if its server had said it behind what it last said.
  void say(const std::string& bytes);

  // How often clients have spoken after their server's last word, on all connections ever.
  std::uint64_t round_trips() const;

 private:
  class Loop;
  std::unique_ptr<Loop> loop_;
};

}  // namespace penstock::tests
