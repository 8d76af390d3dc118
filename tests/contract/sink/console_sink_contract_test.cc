#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <condition_variable>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "connectors/console/console_sink.h"
#include "tests/contract/sink/sink_contract.h"
#include "tests/support/temporary_folder.h"

namespace penstock::tests {
namespace {

std::string from_base64(std::string_view text) {
  static constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  std::uint32_t bits = 0;
  int have = 0;
  for (const char c : text) {
    if (c == '=') break;
    bits = bits << 6 | static_cast<std::uint32_t>(kDigits.find(c));
    if ((have += 6) >= 8) bytes += static_cast<char>(bits >> (have -= 8) & 0xff);
  }
  return bytes;
}

Landed landed_of(const std::string& line) {
  const auto json = nlohmann::json::parse(line);
  Landed landed{json.at("stream").get<std::string>().substr(sizeof "order-" - 1),
                *EventId::parse(json.at("id").get<std::string>()), std::nullopt};
  if (json.contains("data_base64")) landed.body = from_base64(json.at("data_base64").get<std::string>());
  if (json.contains("data") && !json.at("data").is_null()) landed.body = json.at("data").dump();
  return landed;
}

// A pipe whose reading end is read only while the suite asks what arrived, or all the time.
class ConsoleHarness final : public SinkHarness {
 public:
  ConsoleHarness() {
    EXPECT_EQ(pipe2(pipe_, O_CLOEXEC), 0);
    fcntl(pipe_[0], F_SETFL, O_NONBLOCK);
    reader_ = std::jthread([this](const std::stop_token& stop) { read_all_the_time(stop); });
  }
  ~ConsoleHarness() override {
    reader_ = {};
    close(pipe_[0]);
    close(pipe_[1]);
  }

  std::unique_ptr<connectors::Sink> make(connectors::OutcomeListener& listener) override {
    return console::make_console_sink(pipe_[1], listener);
  }

  connectors::Message message(EventRef event) override {
    connectors::MessageBuilder builder(std::move(event));
    return std::move(builder).finish();
  }

  std::vector<Landed> landed(std::size_t count, Deadline deadline) override {
    std::unique_lock lock(mutex_);
    changed_.wait_until(lock, deadline.time(), [&] { return landed_.size() >= count; });
    return landed_;
  }

  // The pipe is filled up, so that not a byte is taken.
  Possible hold() override {
    std::unique_lock lock(mutex_);
    held_ = true;
    changed_.wait(lock, [this] { return !reading_; });
    lock.unlock();
    const int flags = fcntl(pipe_[1], F_GETFL);
    fcntl(pipe_[1], F_SETFL, flags | O_NONBLOCK);
    while (::write(pipe_[1], "\n", 1) == 1) {
    }
    fcntl(pipe_[1], F_SETFL, flags);
    return Possible::kYes;
  }
  void release() override {
    std::lock_guard lock(mutex_);
    held_ = false;
    changed_.notify_all();
  }

 private:
  void read_all_the_time(const std::stop_token& stop) {
    std::string rest;
    while (!stop.stop_requested()) {
      {
        std::unique_lock lock(mutex_);
        reading_ = !held_;
        changed_.notify_all();
        if (!reading_) {
          changed_.wait_for(lock, std::chrono::milliseconds(5));
          continue;
        }
      }
      pollfd look{pipe_[0], POLLIN, 0};
      if (poll(&look, 1, 5) <= 0) continue;
      char bytes[65'536];
      const auto got = ::read(pipe_[0], bytes, sizeof bytes);
      if (got > 0) rest.append(bytes, static_cast<std::size_t>(got));
      take_lines(rest);
    }
  }

  void take_lines(std::string& rest) {
    std::size_t start = 0;
    std::lock_guard lock(mutex_);
    for (std::size_t end; (end = rest.find('\n', start)) != std::string::npos; start = end + 1) {
      if (end > start) landed_.push_back(landed_of(rest.substr(start, end - start)));
    }
    rest.erase(0, start);
    changed_.notify_all();
  }

  int pipe_[2]{};
  std::mutex mutex_;
  std::condition_variable changed_;
  bool held_ = false, reading_ = true;  // under mutex_
  std::vector<Landed> landed_;          // under mutex_
  std::jthread reader_;
};

INSTANTIATE_TEST_SUITE_P(Console, SinkContract,
                         testing::Values(SinkKit{"Pipe", [] { return std::make_unique<ConsoleHarness>(); }}), kit_name);

TEST(ConsoleSink, HoldsLinesBackUntilItIsToldThatNoMoreCome) {
  const TemporaryFolder folder;
  const int file = ::open((folder.path() / "lines").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  ASSERT_GE(file, 0);
  OutcomeCollector outcomes;
  const auto sink = console::make_console_sink(file, outcomes);
  ASSERT_TRUE(sink->open(Deadline::in(std::chrono::seconds(1)), {}));
  Event event;
  event.stream = "order-1";
  event.category = "order";
  event.type = "OrderPlaced";
  std::vector<connectors::Message> messages;
  for (std::uint64_t ticket = 1; ticket <= 3; ++ticket) {
    messages.push_back(connectors::MessageBuilder(make_event(event)).finish());
    ASSERT_EQ(sink->submit(connectors::Ticket{ticket}, messages.back()), connectors::Submitted::kAccepted);
  }
  EXPECT_EQ(lseek(file, 0, SEEK_END), 0);
  sink->flush();
  EXPECT_TRUE(outcomes.wait_for_reports(3, Deadline::in(std::chrono::seconds(10))));
  EXPECT_GT(lseek(file, 0, SEEK_END), 0);
  close(file);
}

}  // namespace
}  // namespace penstock::tests
