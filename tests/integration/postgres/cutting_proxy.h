// A TCP proxy in front of Postgres that can keep the server's answers back and then cut the line: the
// way to lose the answer to a commit that did happen.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>

namespace penstock::tests {

class CuttingProxy {
 public:
  // Forwards to a server of this machine.
  explicit CuttingProxy(std::uint16_t server_port);
  ~CuttingProxy();
  CuttingProxy(const CuttingProxy&) = delete;
  CuttingProxy& operator=(const CuttingProxy&) = delete;

  std::uint16_t port() const { return port_; }

  // From now on what the server says is swallowed, on all lines that are open.
  void keep_answers_back() { keeping_back_ = true; }
  // Cuts the lines that are open; new ones are forwarded in both directions.
  void cut() { cuts_ = cuts_ + 1; }

 private:
  void accept_lines(const std::stop_token& stop);
  void forward(int client, const std::stop_token& stop);

  const std::uint16_t server_port_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<bool> keeping_back_ = false;
  std::atomic<int> cuts_ = 0;
  std::jthread thread_;
};

}  // namespace penstock::tests
