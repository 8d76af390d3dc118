#include "tests/support/tcp_gate.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <list>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

namespace penstock::tests {
namespace {

constexpr std::size_t kBuffered = 256 << 10;

class Descriptor {
 public:
  explicit Descriptor(int descriptor = -1) : descriptor_(descriptor) {}
  ~Descriptor() { close(); }
  Descriptor(Descriptor&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  int get() const { return descriptor_; }
  void close() {
    if (descriptor_ >= 0) ::close(descriptor_);
    descriptor_ = -1;
  }
  void reset_connection() {
    const linger now{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close();
  }

 private:
  int descriptor_;
};

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

void make_non_blocking(int descriptor) {
  ::fcntl(descriptor, F_SETFL, ::fcntl(descriptor, F_GETFL) | O_NONBLOCK);
  const int on = 1;
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

// One direction of a connection.
struct Flow {
  std::vector<char> buffer;
  enum class Is { kOpen, kEnded } is = Is::kOpen;

  bool wants_more() const { return is == Is::kOpen && buffer.size() < kBuffered; }

  // False when the connection is over.
  bool fill(int from) {
    char bytes[64 << 10];
    const ssize_t count = ::recv(from, bytes, sizeof bytes, MSG_DONTWAIT);
    if (count > 0) buffer.insert(buffer.end(), bytes, bytes + count);
    if (count == 0) is = Is::kEnded;
    return count >= 0 || errno == EAGAIN || errno == EINTR;
  }
  bool empty_into(int to) {
    const ssize_t count = ::send(to, buffer.data(), buffer.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count > 0) buffer.erase(buffer.begin(), buffer.begin() + count);
    return count >= 0 || errno == EAGAIN || errno == EINTR;
  }
};

struct Link {
  Descriptor client, server;
  Flow up, down;
  enum class Spoke { kClient, kServer } last = Spoke::kServer;
};

}  // namespace

class TcpGate::Loop {
 public:
  explicit Loop(std::uint16_t target) : target_(target), wake_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    listen();
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  }
  ~Loop() {
    thread_.request_stop();
    wake();
  }

  std::uint16_t port() const { return port_; }
  std::uint64_t round_trips() const { return round_trips_.load(); }

  enum class Passing { kAll, kNothing };
  enum class Presence { kHere, kAway };

  // Returns once the loop has taken it up.
  void ask(Passing passing, Presence presence, int cuts, const std::string& words = "") {
    std::unique_lock lock(mutex_);
    wanted_ = {passing, presence, wanted_.cuts + cuts, wanted_.number + 1, words};
    const auto number = wanted_.number;
    lock.unlock();
    wake();
    lock.lock();
    taken_up_.wait(lock, [&] { return done_ >= number; });
  }
  Passing passing() {
    std::lock_guard lock(mutex_);
    return wanted_.passing;
  }

 private:
  struct Order {
    Passing passing = Passing::kAll;
    Presence presence = Presence::kHere;
    int cuts = 0;
    std::uint64_t number = 0;
    std::string words;  // to clients
  };

  void listen() {
    listener_ = Descriptor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const int on = 1;
    ::setsockopt(listener_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address = loopback(port_);
    if (::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(listener_.get(), 64) != 0)
      throw std::runtime_error("can't listen on loopback");
    socklen_t length = sizeof address;
    ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &length);
    port_ = ntohs(address.sin_port);
  }

  void wake() {
    const std::uint64_t one = 1;
    const auto written = ::write(wake_.get(), &one, sizeof one);
    static_cast<void>(written);
  }

  void take_up_orders() {
    std::uint64_t count = 0;
    const auto ignored = ::read(wake_.get(), &count, sizeof count);
    static_cast<void>(ignored);
    std::lock_guard lock(mutex_);
    if (wanted_.cuts != now_.cuts || wanted_.presence == Presence::kAway) {
      for (Link& link : links_) {
        link.client.reset_connection();
        link.server.reset_connection();
      }
      links_.clear();
    }
    if (wanted_.presence == Presence::kAway) listener_.close();
    if (wanted_.presence == Presence::kHere && listener_.get() < 0) listen();
    if (wanted_.number != now_.number)
      for (Link& link : links_)
        link.down.buffer.insert(link.down.buffer.end(), wanted_.words.begin(), wanted_.words.end());
    now_ = wanted_;
    done_ = wanted_.number;
    taken_up_.notify_all();
  }

  void accept() {
    Descriptor client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (client.get() < 0) return;
    Descriptor server(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr_in address = loopback(target_);
    if (::connect(server.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      client.reset_connection();
      return;
    }
    make_non_blocking(client.get());
    make_non_blocking(server.get());
    links_.push_back({std::move(client), std::move(server), {}, {}, Link::Spoke::kServer});
  }

  void count(Link& link, Link::Spoke speaker) {
    if (link.last != speaker && speaker == Link::Spoke::kClient) ++round_trips_;
    link.last = speaker;
  }

  // False when the link is over.
  bool pass(Link& link, short client_events, short server_events) {
    bool alive = true;
    if ((server_events & (POLLIN | POLLHUP | POLLERR)) != 0) {
      alive = link.down.fill(link.server.get());
      count(link, Link::Spoke::kServer);
    }
    if (alive && (client_events & (POLLIN | POLLHUP | POLLERR)) != 0) {
      alive = link.up.fill(link.client.get());
      count(link, Link::Spoke::kClient);
    }
    if (alive && !link.up.buffer.empty()) alive = link.up.empty_into(link.server.get());
    if (alive && !link.down.buffer.empty()) alive = link.down.empty_into(link.client.get());
    const auto over = [](const Flow& flow) { return flow.is == Flow::Is::kEnded && flow.buffer.empty(); };
    return alive && !over(link.up) && !over(link.down);
  }

  void run(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      std::vector<pollfd> polled{{wake_.get(), POLLIN, 0}, {listener_.get(), POLLIN, 0}};
      if (now_.passing == Passing::kAll) {
        for (const Link& link : links_) {
          const auto events = [](const Flow& in, const Flow& out) {
            return static_cast<short>((in.wants_more() ? POLLIN : 0) | (out.buffer.empty() ? 0 : POLLOUT));
          };
          polled.push_back({link.client.get(), events(link.up, link.down), 0});
          polled.push_back({link.server.get(), events(link.down, link.up), 0});
        }
      }
      if (::poll(polled.data(), polled.size(), 1'000) < 0) continue;
      std::size_t index = 2;
      for (auto link = links_.begin(); index < polled.size() && link != links_.end(); index += 2) {
        const bool alive = pass(*link, polled[index].revents, polled[index + 1].revents);
        link = alive ? std::next(link) : links_.erase(link);
      }
      if (polled[1].revents != 0) accept();
      if (polled[0].revents != 0) take_up_orders();
    }
  }

  const std::uint16_t target_;
  std::uint16_t port_ = 0;
  const Descriptor wake_;
  Descriptor listener_;
  std::list<Link> links_;  // of the thread
  Order now_;              // of the thread
  std::atomic<std::uint64_t> round_trips_ = 0;

  std::mutex mutex_;  // guards what follows
  std::condition_variable taken_up_;
  Order wanted_;
  std::uint64_t done_ = 0;

  std::jthread thread_;
};

TcpGate::TcpGate(std::uint16_t port) : loop_(std::make_unique<Loop>(port)) {}
TcpGate::~TcpGate() = default;

std::uint16_t TcpGate::port() const { return loop_->port(); }
void TcpGate::hold() { loop_->ask(Loop::Passing::kNothing, Loop::Presence::kHere, 0); }
void TcpGate::release() { loop_->ask(Loop::Passing::kAll, Loop::Presence::kHere, 0); }
void TcpGate::cut() { loop_->ask(loop_->passing(), Loop::Presence::kHere, 1); }
void TcpGate::go_away() { loop_->ask(Loop::Passing::kAll, Loop::Presence::kAway, 0); }
void TcpGate::come_back() { loop_->ask(Loop::Passing::kAll, Loop::Presence::kHere, 0); }
void TcpGate::say(const std::string& bytes) { loop_->ask(loop_->passing(), Loop::Presence::kHere, 0, bytes); }
std::uint64_t TcpGate::round_trips() const { return loop_->round_trips(); }

}  // namespace penstock::tests
