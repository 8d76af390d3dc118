#include "core/ids.h"

#include <gtest/gtest.h>

#include "core/clock.h"
#include "core/digest.h"
#include "core/random.h"
#include "tests/support/manual_clock.h"
#include "tests/support/seeded_random.h"

namespace penstock {
namespace {

TEST(EventId, ReadsBothCasesAndWritesLowerCase) {
  const auto id = EventId::parse("0190A6B4-7D2E-7ABC-8DEF-0123456789AB");
  ASSERT_TRUE(id);
  EXPECT_EQ(id->to_string(), "0190a6b4-7d2e-7abc-8def-0123456789ab");
}

TEST(EventId, RefusesWhatIsNoUuid) {
  for (const char* text : {"", "0190a6b47d2e7abc8def0123456789ab", "0190a6b4-7d2e-7abc-8def-0123456789a",
                           "0190a6b4-7d2e-7abc-8def-0123456789ag", "{190a6b4-7d2e-7abc-8def-0123456789a}"})
    EXPECT_FALSE(EventId::parse(text)) << text;
}

TEST(EventId, RefusesAStrangeCharacterAtEachPlace) {
  const std::string right = "0190a6b4-7d2e-7abc-8def-0123456789ab";
  for (std::size_t at = 0; at < right.size(); ++at)
    for (const char strange : {'g', '@', '/', '`', '\0', '\xff', right[at] == '-' ? '0' : '-'}) {
      std::string wrong = right;
      wrong[at] = strange;
      EXPECT_FALSE(EventId::parse(wrong)) << wrong;
    }
}

TEST(EventId, FromNameFollowsRfc9562) {
  // RFC 9562 appendix A.4 uses the DNS namespace.
  const auto dns = EventId::parse("6ba7b810-9dad-11d1-80b4-00c04fd430c8");
  EXPECT_EQ(EventId::from_name(*dns, "www.example.com").to_string(), "2ed6657d-e927-568b-95e1-2665a8aea6a2");
}

TEST(EventId, MadeLaterSortsLater) {
  tests::ManualClock clock;
  tests::SeededRandom random(tests::seed_of_this_run());
  EventId last = make_event_id(clock, random);
  EXPECT_EQ(last.to_string()[14], '7');
  for (int i = 0; i < 1000; ++i) {
    clock.advance(std::chrono::microseconds(1));
    const EventId next = make_event_id(clock, random);
    EXPECT_LT(last, next);
    last = next;
  }
}

TEST(Timestamp, PrintsSixFractionDigitsInUtc) {
  const Timestamp time = std::chrono::sys_days(std::chrono::year(2026) / 2 / 3) + std::chrono::hours(4) +
                         std::chrono::minutes(5) + std::chrono::seconds(6) + std::chrono::microseconds(7);
  EXPECT_EQ(format_timestamp(time), "2026-02-03T04:05:06.000007Z");
  EXPECT_EQ(format_timestamp(Timestamp(std::chrono::microseconds(-1))), "1969-12-31T23:59:59.999999Z");
}

}  // namespace
}  // namespace penstock
