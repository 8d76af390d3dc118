#include "relay/route_voice.h"

#include <gtest/gtest.h>

#include "tests/support/manual_clock.h"
#include "tests/support/recording_log.h"

namespace penstock::relay {
namespace {

using namespace std::chrono_literals;

class RouteVoiceTest : public testing::Test {
 protected:
  void observe(RoutePhase phase, const Error* why = nullptr) { voice_.observe(phase, why, clock_.now()); }

  tests::ManualClock clock_;
  tests::RecordingLog log_;
  RouteVoice voice_{"orders-in", clock_, log_};
  const Error away_{codes::kKafkaUnavailable, "no broker answers on 127.0.0.1:9092"};
  const Error unknown_{codes::kKafkaUnknownTopic, "topic orders is missing"};
};

TEST_F(RouteVoiceTest, SaysAFaultOnceAndItsEndWithCodeAndDuration) {
  observe(RoutePhase::kRunning);
  for (int i = 0; i < 100; ++i) {
    observe(RoutePhase::kBackingOff, &away_);
    clock_.advance(123ms);
  }
  observe(RoutePhase::kRunning);
  const auto lines = log_.lines();
  ASSERT_EQ(lines.size(), 3U) << log_.text();
  EXPECT_EQ(lines[1].level, LogLevel::kWarn);
  EXPECT_EQ(lines[1].code, "kafka.unavailable");
  EXPECT_EQ(lines[1].fields.at("route"), "orders-in");
  EXPECT_EQ(lines[2].level, LogLevel::kInfo);
  EXPECT_EQ(lines[2].code, "kafka.unavailable");
  EXPECT_EQ(lines[2].fields.at("seconds"), "12.3");
}

TEST_F(RouteVoiceTest, SaysAtMostTenLinesAMinuteAboutAFaultThatComesAndGoes) {
  for (int i = 0; i < 6'000; ++i) {
    observe(i % 2 == 0 ? RoutePhase::kBackingOff : RoutePhase::kRunning, i % 2 == 0 ? &away_ : nullptr);
    clock_.advance(50ms);
  }
  EXPECT_LE(log_.lines().size(), 10U) << log_.text();
}

TEST_F(RouteVoiceTest, SaysAtMostTenLinesAMinuteWhenTheReasonAlternates) {
  for (int i = 0; i < 600; ++i) {
    observe(RoutePhase::kBackingOff, i % 2 == 0 ? &away_ : &unknown_);
    clock_.advance(100ms);
  }
  EXPECT_LE(log_.lines().size(), 10U) << log_.text();
  EXPECT_EQ(voice_.code(), "kafka.unknown_topic") << "status shows the latest";
}

TEST_F(RouteVoiceTest, SaysWhatCameOfEachAttemptWhereItIsAsked) {
  Event event;
  event.id = EventId::parse("018f0000-0000-7000-8000-0000000000ff").value();
  event.position = Position{7};
  const auto away = std::make_shared<const Error>(away_);
  voice_.outcome(event, 1, {{}, connectors::Outcome::kRetryable, away});
  EXPECT_EQ(log_.lines().size(), 0U) << "not at level info";
  tests::RecordingLog log(LogLevel::kDebug);
  RouteVoice voice("orders-in", clock_, log);
  voice.outcome(event, 1, {{}, connectors::Outcome::kRetryable, away});
  voice.outcome(event, 2, {{}, connectors::Outcome::kDelivered, nullptr});
  const auto lines = log.lines();
  ASSERT_EQ(lines.size(), 2U) << log.text();
  EXPECT_EQ(lines[0].code, "kafka.unavailable");
  EXPECT_EQ(lines[1].message, "route orders-in: an event was delivered");
  const std::map<std::string, std::string> fields{
      {"route", "orders-in"}, {"position", "7"}, {"event_id", event.id.to_string()}, {"attempt", "2"}};
  EXPECT_EQ(lines[1].fields, fields);
}

// A slot that is lost ends the session first: what stands in the log must not stay "the session was ended".
TEST_F(RouteVoiceTest, SaysEachNewCodeOfAFaultAtOnce) {
  observe(RoutePhase::kRunning);
  observe(RoutePhase::kBackingOff, &away_);
  clock_.advance(100ms);
  observe(RoutePhase::kBackingOff, &unknown_);
  const auto lines = log_.lines();
  ASSERT_EQ(lines.size(), 3U) << log_.text();
  EXPECT_EQ(lines[2].code, "kafka.unknown_topic");
  EXPECT_NE(lines[2].message.find("topic orders is missing"), std::string::npos);
}

TEST_F(RouteVoiceTest, SaysACodeThatCameBackWhenItsTurnHasCome) {
  observe(RoutePhase::kBackingOff, &away_);
  observe(RoutePhase::kBackingOff, &unknown_);
  observe(RoutePhase::kBackingOff, &away_);
  EXPECT_EQ(log_.lines().size(), 2U) << log_.text();
  EXPECT_EQ(voice_.next_due(), clock_.now() + 15s);
  clock_.advance(15s);
  observe(RoutePhase::kStarting);
  EXPECT_EQ(voice_.next_due(), SteadyTime::max()) << "it tries again, and nothing can be said now";
  observe(RoutePhase::kBackingOff, &away_);
  ASSERT_EQ(log_.lines().size(), 3U) << log_.text();
  EXPECT_EQ(log_.lines().back().code, "kafka.unavailable");
  EXPECT_EQ(voice_.next_due(), SteadyTime::max());
}

TEST_F(RouteVoiceTest, SaysAtMostTenLinesAMinuteAboutManyCodes) {
  const Error errors[] = {away_,
                          unknown_,
                          {codes::kKafkaUnauthorized, "1"},
                          {codes::kKafkaFatal, "2"},
                          {codes::kWalBusy, "3"},
                          {codes::kWalSlotLost, "4"},
                          {codes::kWalRefused, "5"}};
  for (std::size_t i = 0; i < 600; ++i) {
    observe(RoutePhase::kBackingOff, &errors[i % std::size(errors)]);
    clock_.advance(100ms);
  }
  EXPECT_LE(log_.lines().size(), 10U) << log_.text();
}

TEST_F(RouteVoiceTest, SaysOtherWordsOfAReasonOnceAMinute) {
  observe(RoutePhase::kBackingOff, &away_);
  const Error full{codes::kKafkaUnavailable, "too many connections"};
  clock_.advance(1s);
  observe(RoutePhase::kBackingOff, &full);
  ASSERT_EQ(log_.lines().size(), 1U) << log_.text();
  EXPECT_EQ(voice_.next_due(), clock_.now() + 59s);
  clock_.advance(59s);
  observe(RoutePhase::kBackingOff, &full);
  ASSERT_EQ(log_.lines().size(), 2U) << log_.text();
  EXPECT_NE(log_.text().find("too many connections"), std::string::npos);
  clock_.advance(120s);
  observe(RoutePhase::kBackingOff, &full);
  EXPECT_EQ(log_.lines().size(), 2U) << log_.text();
}

TEST_F(RouteVoiceTest, ShowsTheLatestWordsOfAReasonAtOnce) {
  observe(RoutePhase::kBackingOff, &away_);
  const auto changes = voice_.changes();
  const Error full{codes::kKafkaUnavailable, "too many connections"};
  observe(RoutePhase::kBackingOff, &full);
  observe(RoutePhase::kBackingOff, &full);
  EXPECT_EQ(voice_.message(), "too many connections");
  EXPECT_EQ(voice_.changes(), changes + 1);
  EXPECT_EQ(log_.lines().size(), 1U) << log_.text();
}

TEST_F(RouteVoiceTest, BelievesTheEndOfARepeatedFaultLater) {
  observe(RoutePhase::kBackingOff, &away_);
  observe(RoutePhase::kRunning);
  clock_.advance(1s);
  observe(RoutePhase::kBackingOff, &away_);
  observe(RoutePhase::kRunning);
  EXPECT_EQ(voice_.phase(), RoutePhase::kBackingOff);
  EXPECT_EQ(voice_.next_due(), clock_.now() + 1s);
  clock_.advance(1s);
  observe(RoutePhase::kRunning);
  EXPECT_EQ(voice_.phase(), RoutePhase::kRunning);
}

TEST_F(RouteVoiceTest, DoesNotCallAReturnANewStart) {
  observe(RoutePhase::kStandby, &away_);
  observe(RoutePhase::kStarting);
  EXPECT_EQ(voice_.phase(), RoutePhase::kStandby);
}

TEST_F(RouteVoiceTest, SaysFailedAsAnErrorAndStandbyAsNews) {
  observe(RoutePhase::kStandby, &away_);
  observe(RoutePhase::kFailed, &unknown_);
  EXPECT_EQ(log_.lines()[0].level, LogLevel::kInfo);
  EXPECT_EQ(log_.lines()[1].level, LogLevel::kError);
}

TEST_F(RouteVoiceTest, CountsWhatIsParkedInsteadOfRepeatingItself) {
  for (int i = 0; i < 500; ++i) {
    voice_.parked("outbox.row_malformed", "column type is empty.", "17", clock_.now());
    clock_.advance(20ms);
  }
  voice_.parked("outbox.row_malformed", "column type is empty.", "18", clock_.now());
  ASSERT_EQ(log_.lines().size(), 2U) << log_.text();
  EXPECT_EQ(log_.lines()[1].fields.at("count"), "500");
}

}  // namespace
}  // namespace penstock::relay
