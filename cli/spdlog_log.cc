#include "cli/spdlog_log.h"

#include <poll.h>
#include <spdlog/async_logger.h>
#include <spdlog/details/null_mutex.h>
#include <spdlog/details/thread_pool.h>
#include <spdlog/sinks/base_sink.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <climits>

#include "cli/log_lines.h"

namespace penstock::cli {
namespace {

// Allocated at once, some 400 bytes a line.
constexpr std::size_t kQueuedLines = 1'024;
constexpr int kPatienceMs = 1'000;
// A pipe that polls writable takes this much without blocking.
constexpr std::size_t kLongestLine = PIPE_BUF;

// No line of the log has this level: it marks the line that is overwritten.
constexpr auto kProgress = spdlog::level::critical;
constexpr std::string_view kToLineStart = "\r\x1b[K";

spdlog::level::level_enum to_spdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kTrace: return spdlog::level::trace;
    case LogLevel::kDebug: return spdlog::level::debug;
    case LogLevel::kInfo: return spdlog::level::info;
    case LogLevel::kWarn: return spdlog::level::warn;
    case LogLevel::kError: return spdlog::level::err;
  }
  return spdlog::level::err;
}

// Writes whole lines to a descriptor, but waits for its reader only so long. Used by one thread.
class PatientSink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 public:
  explicit PatientSink(int descriptor) : descriptor_(descriptor) {}
  std::uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    std::string line(message.payload.data(), message.payload.size());
    if (line.size() + 1 > kLongestLine) line.resize(kLongestLine - 1);
    line = message.level == kProgress ? in_place(std::move(line)) : above_progress(std::move(line));
    if (!is_writable()) {
      stuck_ = true;
      dropped_.fetch_add(1, std::memory_order_relaxed);
      return;
    }
    stuck_ = false;
    std::string_view rest = line;
    while (!rest.empty()) {
      const ssize_t written = ::write(descriptor_, rest.data(), rest.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0 && errno == EAGAIN && is_writable()) continue;
      if (written < 0) break;
      rest.remove_prefix(static_cast<std::size_t>(written));
    }
    if (!rest.empty()) dropped_.fetch_add(1, std::memory_order_relaxed);
  }

  void flush_() override {}

  std::string in_place(std::string text) {
    winsize terminal{};
    if (::ioctl(descriptor_, TIOCGWINSZ, &terminal) == 0 && terminal.ws_col > 1)
      text.resize(std::min<std::size_t>(text.size(), terminal.ws_col - 1U));
    progress_ = std::move(text);
    return std::string(kToLineStart) + progress_;
  }

  std::string above_progress(std::string line) const {
    line += '\n';
    return progress_.empty() ? line : std::string(kToLineStart) + line + progress_;
  }

  // Once the reader stands still it is not waited for again, line by line.
  bool is_writable() const {
    pollfd target{descriptor_, POLLOUT, 0};
    return ::poll(&target, 1, stuck_ ? 0 : kPatienceMs) > 0 && (target.revents & POLLOUT) != 0;
  }

  const int descriptor_;
  std::string progress_;
  bool stuck_ = false;
  std::atomic<std::uint64_t> dropped_{0};
};

}  // namespace

struct SpdlogLog::Parts {
  Parts(const Clock& the_clock, LogOutput the_output)
      : clock(the_clock),
        output(the_output),
        sink(std::make_shared<PatientSink>(output.descriptor)),
        pool(std::make_shared<spdlog::details::thread_pool>(kQueuedLines, 1)),
        logger(std::make_shared<spdlog::async_logger>("penstock", sink, pool,
                                                      spdlog::async_overflow_policy::overrun_oldest)) {
    logger->set_level(to_spdlog(output.table.level));
  }

  void queue(const LogLine& line) {
    lines[static_cast<std::size_t>(line.level)].fetch_add(1, std::memory_order_relaxed);
    const bool json = output.table.format == config::LogTable::Format::kJson;
    logger->log(to_spdlog(line.level), spdlog::string_view_t(json ? json_line(line) : text_line(line, output.palette)));
  }

  std::uint64_t dropped() const { return sink->dropped() + pool->overrun_counter(); }

  // Says what was dropped since it was last said; several threads may come here at once.
  void confess() {
    const std::uint64_t now = dropped();
    std::uint64_t said = confessed.load(std::memory_order_relaxed);
    if (now == said || !confessed.compare_exchange_strong(said, now)) return;
    const std::string message = std::to_string(now - said) + " log lines were dropped: standard error was not read";
    queue({clock.wall_now(), LogLevel::kWarn, "log", {}, message, {}});
  }

  const Clock& clock;
  const LogOutput output;
  std::shared_ptr<PatientSink> sink;
  std::shared_ptr<spdlog::details::thread_pool> pool;
  std::shared_ptr<spdlog::async_logger> logger;
  std::atomic<std::uint64_t> confessed{0};
  std::array<std::atomic<std::uint64_t>, std::size(kAllLogLevels)> lines{};
};

SpdlogLog::SpdlogLog(const Clock& clock, LogOutput output) : parts_(std::make_unique<Parts>(clock, output)) {}

SpdlogLog::~SpdlogLog() = default;

bool SpdlogLog::enabled(LogLevel level) const { return parts_->logger->should_log(to_spdlog(level)); }

void SpdlogLog::write(LogLevel level, std::string_view component, std::string_view code, std::string_view message,
                      std::initializer_list<LogField> fields) {
  if (!enabled(level)) return;
  parts_->confess();
  parts_->queue({parts_->clock.wall_now(), level, component, code, message, fields});
}

void SpdlogLog::show_progress(const std::string& text) { parts_->logger->log(kProgress, text); }

std::uint64_t SpdlogLog::lines(LogLevel level) const {
  return parts_->lines[static_cast<std::size_t>(level)].load(std::memory_order_relaxed);
}

std::uint64_t SpdlogLog::dropped() const { return parts_->dropped(); }

}  // namespace penstock::cli
