#include "tests/integration/postgres/cutting_proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>
#include <vector>

namespace penstock::tests {
namespace {

constexpr int kLookMilliseconds = 5;

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

int connect_to(std::uint16_t port) {
  const int line = socket(AF_INET, SOCK_STREAM, 0);
  const sockaddr_in address = loopback(port);
  if (connect(line, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return line;
  close(line);
  return -1;
}

bool send_all(int to, const char* data, ssize_t size) {
  while (size > 0) {
    const ssize_t sent = send(to, data, static_cast<std::size_t>(size), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    data += sent;
    size -= sent;
  }
  return true;
}

}  // namespace

CuttingProxy::CuttingProxy(std::uint16_t server_port) : server_port_(server_port) {
  listener_ = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  if (bind(listener_, reinterpret_cast<const sockaddr*>(&address), size) != 0 || listen(listener_, 16) != 0 ||
      getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    throw std::runtime_error("the proxy can't listen");
  port_ = ntohs(address.sin_port);
  thread_ = std::jthread([this](const std::stop_token& stop) { accept_lines(stop); });
}

CuttingProxy::~CuttingProxy() {
  thread_.request_stop();
  thread_.join();
  close(listener_);
}

void CuttingProxy::accept_lines(const std::stop_token& stop) {
  std::vector<std::jthread> lines;
  while (!stop.stop_requested()) {
    pollfd waiting{listener_, POLLIN, 0};
    if (poll(&waiting, 1, kLookMilliseconds) <= 0) continue;
    const int client = accept(listener_, nullptr, nullptr);
    if (client >= 0) lines.emplace_back([this, client](const std::stop_token& ended) { forward(client, ended); });
  }
}

void CuttingProxy::forward(int client, const std::stop_token& stop) {
  const int cuts_before = cuts_;
  const int server = connect_to(server_port_);
  char buffer[16 << 10];
  while (server >= 0 && !stop.stop_requested() && cuts_ == cuts_before) {
    pollfd ends[] = {{client, POLLIN, 0}, {server, POLLIN, 0}};
    if (poll(ends, 2, kLookMilliseconds) <= 0) continue;
    const bool from_client = ends[0].revents != 0;
    const ssize_t size = recv(from_client ? client : server, buffer, sizeof buffer, 0);
    if (size <= 0) break;
    if (!from_client && keeping_back_ && cuts_ == 0) continue;
    if (!send_all(from_client ? server : client, buffer, size)) break;
  }
  close(client);
  if (server >= 0) close(server);
}

}  // namespace penstock::tests
