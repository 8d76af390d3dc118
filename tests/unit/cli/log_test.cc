// The two forms of a line, and a log whose reader stands still.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>

#include "cli/log_lines.h"
#include "cli/spdlog_log.h"
#include "tests/support/manual_clock.h"

namespace penstock::cli {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;

TEST(LogLines, AreReadableAsText) {
  const LogLine line{Timestamp{},         LogLevel::kWarn, "relay",
                     "kafka.unavailable", "no\nbroker",    {{"route", "a b"}, {"n", "1"}}};
  EXPECT_EQ(text_line(line, Palette()),
            R"(1970-01-01T00:00:00.000000Z WARN  relay: no\x0abroker route="a b" n=1 code=kafka.unavailable)");
}

TEST(LogLines, AreOneJsonObjectEach) {
  const LogLine line{Timestamp{}, LogLevel::kInfo, "relay", "", "a\nb", {{"route", "x"}}};
  EXPECT_EQ(json_line(line),
            R"({"ts":"1970-01-01T00:00:00.000000Z","level":"info","msg":"a\u000ab","component":"relay","route":"x"})");
}

class Pipe {
 public:
  Pipe() {
    if (::pipe2(ends_.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  }
  ~Pipe() {
    ::close(ends_[0]);
    close_writer();
  }
  int writer() const { return ends_[1]; }
  void close_writer() {
    if (ends_[1] >= 0) ::close(ends_[1]);
    ends_[1] = -1;
  }
  // All that was written; the writer must be closed.
  std::string read_all() {
    std::string text;
    std::array<char, 4096> block;
    for (ssize_t got = 0; (got = ::read(ends_[0], block.data(), block.size())) > 0;) {
      text.append(block.data(), static_cast<std::size_t>(got));
    }
    return text;
  }

 private:
  std::array<int, 2> ends_{};
};

TEST(SpdlogLog, WritesWhatIsQueuedBeforeItEnds) {
  tests::ManualClock clock;
  Pipe pipe;
  {
    SpdlogLog log(clock, {.descriptor = pipe.writer(), .table = {LogLevel::kInfo, config::LogTable::Format::kJson}});
    log.info("test", "first");
    log.debug("test", "not shown");
    log.warn("test", Error(codes::kStoreBusy, "second"));
  }
  pipe.close_writer();
  const std::string text = pipe.read_all();
  EXPECT_THAT(text, HasSubstr(R"("msg":"first")"));
  EXPECT_THAT(text, HasSubstr(R"("code":"store.busy")"));
  EXPECT_THAT(text, testing::Not(HasSubstr("not shown")));
}

TEST(SpdlogLog, DropsAndCountsWhenItsReaderStandsStill) {
  tests::ManualClock clock;
  Pipe pipe;
  std::uint64_t dropped = 0;
  {
    SpdlogLog log(clock, {.descriptor = pipe.writer(), .table = {LogLevel::kInfo, config::LogTable::Format::kText}});
    const std::string message(1'000, 'x');
    for (int i = 0; i < 20'000; ++i) log.info("test", message);
    dropped = log.dropped();
  }
  EXPECT_GT(dropped, 10'000u);
}

TEST(SpdlogLog, KeepsProgressBelowItsLines) {
  SystemClock clock;
  Pipe pipe;
  {
    SpdlogLog log(clock, {.descriptor = pipe.writer(), .table = {LogLevel::kInfo, config::LogTable::Format::kText}});
    log.show_progress("10 left");
    log.info("relay", "a line");
    log.show_progress("");
    log.info("relay", "the last");
  }
  pipe.close_writer();
  const std::string text = pipe.read_all();
  EXPECT_TRUE(text.starts_with("\r\x1b[K10 left\r\x1b[K")) << text;
  EXPECT_NE(text.find("relay: a line\n10 left\r\x1b[K"), std::string::npos) << text;
  EXPECT_TRUE(text.ends_with("relay: the last\n")) << text;
}

TEST(SpdlogLog, CutsALineThatAPipeCouldNotTakeWhole) {
  tests::ManualClock clock;
  Pipe pipe;
  {
    SpdlogLog log(clock, {.descriptor = pipe.writer(), .table = {LogLevel::kInfo, config::LogTable::Format::kText}});
    log.info("test", std::string(100'000, 'x'));
  }
  pipe.close_writer();
  EXPECT_EQ(pipe.read_all().size(), 4'096u);
}

}  // namespace
}  // namespace penstock::cli
