#include "connectors/wal/snapshot.h"

#include <gtest/gtest.h>

namespace penstock::wal {
namespace {

bool sees(std::string_view snapshot, std::uint32_t xid) { return Snapshot::parse(snapshot).value().sees(Xid{xid}); }

TEST(Snapshot, SeesWhatHadEndedWhenItWasTaken) {
  EXPECT_TRUE(sees("10:20:10,14", 9));
  EXPECT_FALSE(sees("10:20:10,14", 10));
  EXPECT_TRUE(sees("10:20:10,14", 13));
  EXPECT_FALSE(sees("10:20:10,14", 14));
  EXPECT_TRUE(sees("10:20:10,14", 19));
  EXPECT_FALSE(sees("10:20:10,14", 20));
  EXPECT_FALSE(sees("10:20:10,14", 21));
}

TEST(Snapshot, OfAnIdleServerSeesAllBeforeIt) {
  EXPECT_TRUE(sees("20:20:", 19));
  EXPECT_FALSE(sees("20:20:", 20));
}

// The log's numbers begin anew after 2^32 transactions, those of a snapshot don't.
TEST(Snapshot, TakesNumbersAcrossTheTurn) {
  constexpr std::string_view kBehindTheTurn = "8589934590:8589934600:8589934590,8589934595";  // 2 * 2^32 - 2 and + 8
  EXPECT_TRUE(sees(kBehindTheTurn, 4294967293U));
  EXPECT_FALSE(sees(kBehindTheTurn, 4294967294U));
  EXPECT_TRUE(sees(kBehindTheTurn, 4294967295U));
  EXPECT_TRUE(sees(kBehindTheTurn, 2));
  EXPECT_FALSE(sees(kBehindTheTurn, 3));
  EXPECT_FALSE(sees(kBehindTheTurn, 8));
  EXPECT_FALSE(sees("4294967290:4294967290:", 5));  // given out only after the turn
}

TEST(Snapshot, IsNothingElse) {
  for (const std::string_view text : {"", "10", "10:20", "20:10:", "a:20:", "10:20:x", "10:20:12;13", "10:20:12:13",
                                      "-1:20:", "99999999999999999999:1:", "10::"})
    EXPECT_FALSE(Snapshot::parse(text)) << text;
}

}  // namespace
}  // namespace penstock::wal
