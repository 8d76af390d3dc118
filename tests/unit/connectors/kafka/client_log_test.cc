#include "connectors/kafka/client_log.h"

#include <gtest/gtest.h>

#include "tests/support/manual_clock.h"
#include "tests/support/recording_log.h"

namespace penstock::kafka {
namespace {

constexpr int kError = 3, kInfo = 6;

TEST(ClientLog, SaysARepeatedLineOnceInThirtySeconds) {
  tests::RecordingLog log;
  tests::ManualClock clock;
  ClientLog client_log(log, clock, "test");
  for (int i = 0; i < 100; ++i) client_log.write(kError, "FAIL", "connection refused");
  EXPECT_EQ(log.count(LogLevel::kWarn), 1U) << log.text();
}

TEST(ClientLog, SaysHowManyLinesItLeftOut) {
  tests::RecordingLog log;
  tests::ManualClock clock;
  ClientLog client_log(log, clock, "test");
  for (int i = 0; i < 4; ++i) client_log.write(kError, "FAIL", "connection refused");
  clock.advance(ClientLog::kQuiet);
  client_log.write(kError, "FAIL", "connection refused");
  ASSERT_EQ(log.lines().size(), 2U);
  EXPECT_EQ(log.lines()[1].fields.at("left_out"), "3");
}

TEST(ClientLog, CountsEachFacilityForItself) {
  tests::RecordingLog log;
  tests::ManualClock clock;
  ClientLog client_log(log, clock, "test");
  client_log.write(kError, "FAIL", "connection refused");
  client_log.write(kError, "SSL", "handshake failed");
  EXPECT_EQ(log.count(LogLevel::kWarn), 2U);
}

TEST(ClientLog, SaysNothingAboutThePropertyThatIsAlwaysSet) {
  tests::RecordingLog log;
  tests::ManualClock clock;
  ClientLog client_log(log, clock, "test");
  client_log.write(4, "CONFWARN", "Configuration property enable.gapless.guarantee is experimental");
  EXPECT_EQ(log.count(LogLevel::kWarn), 0U);
}

TEST(ClientLog, KeepsTheClientsGossipBelowInfo) {
  tests::RecordingLog log(LogLevel::kDebug);
  tests::ManualClock clock;
  ClientLog client_log(log, clock, "test");
  client_log.write(kInfo, "INIT", "initialized");
  EXPECT_EQ(log.count(LogLevel::kInfo), 0U);
  EXPECT_EQ(log.count(LogLevel::kDebug), 1U);
}

}  // namespace
}  // namespace penstock::kafka
