#include "connectors/wal/slot_watch.h"

#include <gtest/gtest.h>

namespace penstock::wal {
namespace {

using Heartbeat = SlotWatch::Heartbeat;

SlotRoom room(std::int64_t percent) { return {"reserved", percent << 20, 100 << 20}; }

std::string said(SlotWatch& watch, const SlotRoom& room, Heartbeat heartbeat = Heartbeat::kBack) {
  std::string text;
  for (const auto& news : watch.look(room, heartbeat))
    text += news.level == LogLevel::kError ? "alarm " : news.level == LogLevel::kWarn ? "warning " : "end ";
  return text;
}

// Fault 17: the countdown is said before the slot is lost.
TEST(SlotWatch, Fault17WarnsBelowHalfAndAlarmsBelowAQuarterOnce) {
  SlotWatch watch;
  EXPECT_EQ(said(watch, room(50)), "");
  EXPECT_EQ(said(watch, room(49)), "warning ");
  EXPECT_EQ(said(watch, room(30)), "");
  EXPECT_EQ(said(watch, room(24)), "alarm ");
  EXPECT_EQ(said(watch, room(-5)), "");
  EXPECT_EQ(said(watch, room(80)), "end ");
  EXPECT_EQ(said(watch, room(10)), "alarm ");
}

TEST(SlotWatch, SaysNothingWhereTheServerSetsNoLimit) {
  SlotWatch watch;
  EXPECT_EQ(said(watch, {"extended", std::nullopt, -1}), "");
}

TEST(SlotWatch, SaysOnceThatHeartbeatsStayAwayAndThatTheyAreBack) {
  SlotWatch watch;
  for (int look = 1; look <= 5; ++look) EXPECT_EQ(said(watch, room(90), Heartbeat::kUnderWay), "");
  EXPECT_EQ(said(watch, room(90), Heartbeat::kUnderWay), "warning ");
  EXPECT_EQ(said(watch, room(90), Heartbeat::kUnderWay), "");
  EXPECT_EQ(said(watch, room(90)), "end ");
  EXPECT_EQ(said(watch, room(90)), "");
}

TEST(SlotWatch, KeepsWhatItSaidOfTheRoomWhereAStreamHasEnded) {
  SlotWatch watch;
  EXPECT_EQ(said(watch, room(40), Heartbeat::kBehindOthers), "warning ");
  for (int look = 1; look <= 5; ++look) said(watch, room(40), Heartbeat::kUnderWay);
  EXPECT_EQ(said(watch, room(40), Heartbeat::kUnderWay), "warning ");
  watch.forget_heartbeats();
  EXPECT_EQ(said(watch, room(40), Heartbeat::kBack), "");
}

TEST(SlotWatch, IsPatientWhileTheStreamIsAtWhatWasWrittenBeforeAHeartbeat) {
  SlotWatch watch;
  for (int look = 1; look <= 20; ++look) EXPECT_EQ(said(watch, room(90), Heartbeat::kBehindOthers), "");
  for (int look = 1; look <= 5; ++look) EXPECT_EQ(said(watch, room(90), Heartbeat::kUnderWay), "");
  EXPECT_EQ(said(watch, room(90), Heartbeat::kUnderWay), "warning ");
}

}  // namespace
}  // namespace penstock::wal
