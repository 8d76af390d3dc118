#include "cli/progress_line.h"

#include <gtest/gtest.h>

#include <sstream>

#include "tests/support/manual_clock.h"

namespace penstock::cli {
namespace {

using namespace std::chrono_literals;

TEST(ProgressLine, SaysRateShareAndWhatIsLeft) {
  tests::ManualClock clock;
  std::ostringstream err;
  {
    ProgressLine line(err, clock, ProgressLine::Shown::kYes);
    clock.advance(2s);
    line.show(1'000, 0.25);
    EXPECT_EQ(err.str(), "\r\x1b[K1000 events, 500/s, 25 %, 6 s left");
    clock.advance(1s);
    line.show(1'500, std::nullopt);
    EXPECT_TRUE(err.str().ends_with("\r\x1b[K1500 events, 500/s"));
  }
  EXPECT_TRUE(err.str().ends_with("500/s\r\x1b[K"));
}

TEST(ProgressLine, IsWrittenAFewTimesASecond) {
  tests::ManualClock clock;
  std::ostringstream err;
  ProgressLine line(err, clock, ProgressLine::Shown::kYes);
  clock.advance(1s);
  line.show(1, std::nullopt);
  const std::string first = err.str();
  clock.advance(10ms);
  line.show(2, std::nullopt);
  EXPECT_EQ(err.str(), first);
}

TEST(ProgressLine, IsSilentWhereThereIsNoTerminal) {
  tests::ManualClock clock;
  std::ostringstream err;
  {
    ProgressLine line(err, clock, ProgressLine::Shown::kNo);
    clock.advance(1s);
    line.show(1, 0.5);
  }
  EXPECT_EQ(err.str(), "");
}

}  // namespace
}  // namespace penstock::cli
