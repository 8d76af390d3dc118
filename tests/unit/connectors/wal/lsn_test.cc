#include "connectors/wal/lsn.h"

#include <gtest/gtest.h>

namespace penstock::wal {
namespace {

TEST(Lsn, IsWrittenAsPostgresWritesIt) {
  EXPECT_EQ(to_string(Lsn{0x16B374D848}), "16/B374D848");
  EXPECT_EQ(to_string(Lsn{0}), "0/0");
  EXPECT_EQ(to_string(Lsn{~std::uint64_t{0}}), "FFFFFFFF/FFFFFFFF");
}

TEST(Lsn, IsReadBack) {
  EXPECT_EQ(parse_lsn("16/B374D848"), Lsn{0x16B374D848});
  EXPECT_EQ(parse_lsn("16/b374d848"), Lsn{0x16B374D848});
  for (const char* text : {"", "/", "16", "16/", "/1", "16/1x", "16/123456789", "-1/1", " 1/1"})
    EXPECT_FALSE(parse_lsn(text)) << text;
}

TEST(WalPosition, OrdersEventsThatShareTheirCommit) {
  EXPECT_LT((WalPosition{Lsn{10}, 2}), (WalPosition{Lsn{10}, 3}));
  EXPECT_LT((WalPosition{Lsn{10}, 9}), (WalPosition{Lsn{11}, 1}));
  EXPECT_EQ(to_string(WalPosition{Lsn{0x10}, 3}), "0/10:3");
}

TEST(Progress, SurvivesItsText) {
  for (const Progress& progress : {Progress{Lsn{1}, {}}, Progress{Lsn{0x100000001}, {Lsn{0x100000009}, 70'000}}})
    EXPECT_EQ(parse_progress(to_string(progress)), progress) << to_string(progress);
  for (const char* text : {"", "1", "0/1 ", "0/1 0/2", "0/1 0/2:", "0/1 0/2:x", "0/1 2:1", "0/1 0/2:1 "})
    EXPECT_FALSE(parse_progress(text)) << text;
}

}  // namespace
}  // namespace penstock::wal
