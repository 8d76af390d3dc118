#include "connectors/wal/replication_frames.h"

#include <gtest/gtest.h>

namespace penstock::wal {
namespace {

std::string big_endian(std::uint64_t number) {
  std::string bytes;
  for (int shift = 56; shift >= 0; shift -= 8) bytes += static_cast<char>(number >> shift & 0xFF);
  return bytes;
}

TEST(ReplicationFrames, ReadsXLogData) {
  const std::string bytes = "w" + big_endian(0x10) + big_endian(0x20) + big_endian(7) + "B...";
  const auto frame = decode_frame(bytes);
  ASSERT_TRUE(frame);
  const auto& data = std::get<XLogData>(*frame);
  EXPECT_EQ(data.start, Lsn{0x10});
  EXPECT_EQ(data.server_end, Lsn{0x20});
  EXPECT_EQ(data.payload, "B...");
}

TEST(ReplicationFrames, ReadsKeepalives) {
  for (const char asks : {'\0', '\1'}) {
    const std::string bytes = "k" + big_endian(0x30) + big_endian(7) + std::string(1, asks);
    const auto frame = decode_frame(bytes);
    ASSERT_TRUE(frame);
    const auto& keepalive = std::get<Keepalive>(*frame);
    EXPECT_EQ(keepalive.server_end, Lsn{0x30});
    EXPECT_EQ(keepalive.reply, asks == 0 ? Keepalive::Reply::kWhenConvenient : Keepalive::Reply::kNow);
  }
}

TEST(ReplicationFrames, RefusesWhatIsCutShortOrUnknown) {
  EXPECT_FALSE(decode_frame(""));
  EXPECT_FALSE(decode_frame("x"));
  EXPECT_FALSE(decode_frame("w" + big_endian(1) + big_endian(2)));
  EXPECT_FALSE(decode_frame("k" + big_endian(1) + big_endian(2)));
  EXPECT_EQ(decode_frame("k" + big_endian(1) + big_endian(2) + std::string("\0x", 2)).error().offset, 18u);
}

// Pitfall: an unset flush field is taken as "everything".
TEST(ReplicationFrames, WritesAllThreePositions) {
  EXPECT_EQ(encode_status({Lsn{3}, Lsn{2}, Lsn{1}}, 9),
            "r" + big_endian(3) + big_endian(2) + big_endian(1) + big_endian(9) + std::string(1, '\0'));
}

TEST(ReplicationFrames, AsksForAnAnswerInTheLastByte) {
  const std::string plain = encode_status({Lsn{3}, Lsn{2}, Lsn{1}}, 9);
  const std::string asks = encode_status({Lsn{3}, Lsn{2}, Lsn{1}}, 9, Keepalive::Reply::kNow);
  EXPECT_EQ(asks, plain.substr(0, plain.size() - 1) + '\1');
}

}  // namespace
}  // namespace penstock::wal
