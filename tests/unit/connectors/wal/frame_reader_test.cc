#include "connectors/wal/frame_reader.h"

#include <gmock/gmock.h>

#include <deque>
#include <vector>

#include "connectors/outbox/row_size.h"
#include "tests/support/peak_memory.h"

namespace penstock::wal {
namespace {

using Form = PgoutputDecoder::Form;
using Within = PgoutputDecoder::Within;
using Is = Tuple::Value::Is;

using testing::HasSubstr;

constexpr std::size_t kPiece = FrameReader::kPieceBytes;
constexpr std::size_t kEventBytes = 1 << 20;
constexpr std::size_t kSurelyTooLong = 2 * (kEventBytes + outbox::kOtherColumnsBytes) + 3;
const std::string kHeader = "w" + std::string(24, '\0');

std::string big_endian(std::uint64_t number, std::size_t bytes) {
  std::string text;
  while (bytes-- > 0) text += static_cast<char>(number >> (8 * bytes));
  return text;
}

std::string value(const std::string& text) { return "t" + big_endian(text.size(), 4) + text; }

std::string tuple(const std::vector<std::string>& values) {
  std::string bytes = big_endian(values.size(), 2);
  for (const std::string& one : values) bytes += one;
  return bytes;
}

std::string insert(const std::vector<std::string>& values) { return "I" + big_endian(9, 4) + "N" + tuple(values); }

enum class Emitted { kInTransaction, kAtOnce };
std::string message(const std::string& prefix, const std::string& content, Emitted emitted = Emitted::kInTransaction) {
  return "M" + big_endian(emitted == Emitted::kInTransaction ? 1 : 0, 1) + big_endian(99, 8) + prefix +
         std::string(1, '\0') + big_endian(content.size(), 4) + content;
}

// Hands frames out as libpq does.
class Frames {
 public:
  explicit Frames(std::deque<std::string> frames) : frames_(std::move(frames)) {}

  Result<std::size_t> next_piece(std::span<char> room) {
    if (frames_.empty()) return std::size_t{0};
    std::string& frame = frames_.front();
    const std::size_t got = frame.copy(room.data(), room.size(), done_);
    done_ += got;
    if (done_ == frame.size()) {
      frames_.pop_front();
      done_ = 0;
    }
    return got;
  }

 private:
  std::deque<std::string> frames_;
  std::size_t done_ = 0;
};

struct Taken {
  std::string bytes;
  Form form;
};

const FrameReader::Wanted kWanted{kEventBytes, "shop", kPiece};

std::vector<Taken> take_all(std::deque<std::string> frames, const FrameReader::Wanted& wanted = kWanted,
                            Within within = Within::kTransaction) {
  Frames source(std::move(frames));
  FrameReader reader(wanted, [&](std::span<char> room) { return source.next_piece(room); });
  std::vector<Taken> taken;
  for (;;) {
    const auto frame = reader.next(within);
    EXPECT_TRUE(frame) << frame.error().describe();
    if (!frame || !*frame) return taken;
    taken.push_back({std::string((*frame)->bytes), (*frame)->form});
  }
}

std::string words_of(std::deque<std::string> frames) {
  Frames source(std::move(frames));
  FrameReader reader(kWanted, [&](std::span<char> room) { return source.next_piece(room); });
  const auto frame = reader.next(Within::kTransaction);
  return frame ? "ok" : frame.error().describe();
}

std::vector<Tuple::Value> values_of(const Taken& taken) {
  const auto message = PgoutputDecoder::decode_one(std::string_view(taken.bytes).substr(kHeader.size()),
                                                   Within::kTransaction, taken.form);
  if (!message) {
    ADD_FAILURE() << message.error().what;
    return {};
  }
  const auto& row = std::get<InsertMessage>(message->body).row;
  Tuple::Reader reader(row);
  std::vector<Tuple::Value> values;
  for (std::size_t i = 0; i < row.columns(); ++i) values.push_back(reader.next());
  return values;
}

TEST(FrameReader, HandsShortFramesOutAsTheyAre) {
  const auto taken = take_all({"k12345678123456780", kHeader + insert({value("a")})});
  ASSERT_EQ(taken.size(), 2U);
  EXPECT_EQ(taken[0].bytes, "k12345678123456780");
  EXPECT_EQ(taken[1].bytes, kHeader + insert({value("a")}));
}

// Of one that fills the room exactly nobody says that it has ended.
TEST(FrameReader, KeepsEveryByteOfALongFrameThatMayBeAnEvent) {
  const std::size_t rest = (kHeader + insert({value("key"), value("")})).size();
  for (const std::size_t bytes : {kPiece - 1, kPiece, kPiece + 1, 2 * kPiece, 5 * kPiece + 7, kSurelyTooLong}) {
    const std::string frame = kHeader + insert({value("key"), value(std::string(bytes - rest, 'x'))});
    ASSERT_EQ(frame.size(), bytes);
    const auto taken = take_all({frame, "k12345678123456780"});
    ASSERT_EQ(taken.size(), 2U) << bytes;
    EXPECT_TRUE(taken[0].bytes == frame && taken[0].form == Form::kWhole) << bytes;
    EXPECT_EQ(taken[1].bytes, "k12345678123456780") << bytes;
  }
}

TEST(FrameReader, LeavesOutALongValueOfARowThatIsTooLarge) {
  const std::string large = "\\x" + std::string(kSurelyTooLong, 'a');
  const auto taken = take_all({kHeader + insert({value("key"), "n", value(large), value("behind")}), "kept"});
  ASSERT_EQ(taken.size(), 2U);
  EXPECT_EQ(taken[1].bytes, "kept");
  EXPECT_LT(taken[0].bytes.size(), 100U);
  ASSERT_EQ(taken[0].form, Form::kCut);
  const auto values = values_of(taken[0]);
  ASSERT_EQ(values.size(), 4U);
  EXPECT_EQ(values[0].bytes, "key");
  EXPECT_EQ(values[1].is, Is::kNull);
  EXPECT_EQ(values[2].is, Is::kCut);
  EXPECT_EQ(values[2].bytes, "\\x");
  EXPECT_EQ(values[2].length, large.size());
  EXPECT_EQ(values[3].bytes, "behind");
  EXPECT_EQ(values[3].length, 6U);
}

TEST(FrameReader, BoundsTheValuesOfARowTogether) {
  const std::vector<std::string> many(100, value(std::string(kEventBytes, 'x')));
  const auto taken = take_all({kHeader + insert(many)});
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_EQ(taken[0].form, Form::kCut);
  EXPECT_LT(taken[0].bytes.size(), 6 * kEventBytes);
  std::uint64_t sum = 0;
  for (const auto& one : values_of(taken[0])) sum += one.length;
  EXPECT_EQ(sum, 100 * kEventBytes);
}

// A row of which nobody reads the large values may be an event.
TEST(FrameReader, KeepsWhatStandsBesideValuesThatMayBeIgnored) {
  const std::string large(10 * kSurelyTooLong, 'x'), others(kSurelyTooLong - 100, 'y'), payload(kEventBytes, 'z');
  const auto taken =
      take_all({kHeader + insert({value(large), value(others), value(payload)})}, {kEventBytes, "", kPiece, 2});
  ASSERT_EQ(taken.size(), 1U);
  ASSERT_EQ(taken[0].form, Form::kCut);
  const auto values = values_of(taken[0]);
  ASSERT_EQ(values.size(), 3U);
  EXPECT_EQ(values[0].is, Is::kCut);
  EXPECT_TRUE(values[1].bytes == others && values[2].bytes == payload);
  const auto many =
      take_all({kHeader + insert(std::vector<std::string>(100, value(payload)))}, {kEventBytes, "", kPiece, 2});
  ASSERT_EQ(many.size(), 1U);
  EXPECT_LT(many[0].bytes.size(), 10 * kEventBytes);
}

TEST(FrameReader, TakesARowWholeWhereEventsMayBeSoLarge) {
  const std::string frame = kHeader + insert({value(std::string(kSurelyTooLong, 'x'))});
  const auto taken = take_all({frame}, {4 * kEventBytes, "", kPiece});
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_TRUE(taken[0].bytes == frame);
}

TEST(FrameReader, FindsItsWayThroughEveryMessageThatMayBeLong) {
  const std::string large = value(std::string(kPiece, 'x')), xid = big_endian(7, 4), oid = big_endian(9, 4);
  const std::string long_ones[] = {
      "I" + xid + oid + "N" + tuple({large}),
      "U" + xid + oid + "N" + tuple({large}),
      "U" + xid + oid + "O" + tuple({large, "u"}) + "N" + tuple({"n", large}),
      "D" + xid + oid + "O" + tuple({large}),
      "M" + xid + message("shop", std::string(kPiece, 'x')).substr(1),
      "T" + xid + big_endian(kPiece, 4) + std::string(1 + 4 * kPiece, '\1'),
  };
  for (const std::string& message : long_ones) {
    const auto taken = take_all({kHeader + message, "kept"}, kWanted, Within::kStream);
    ASSERT_EQ(taken.size(), 2U);
    EXPECT_TRUE(taken[0].bytes == kHeader + message) << message[0];
    EXPECT_TRUE(PgoutputDecoder::decode_one(message, Within::kStream)) << message[0];
    EXPECT_EQ(taken[1].bytes, "kept");
  }
}

TEST(FrameReader, LeavesOutWhatALongMessageOfSomebodyElseHolds) {
  const std::string content(3 * kPiece, 'x'), foreign(2 * kPiece, 'p');
  for (const std::string& bytes :
       {message("other", content), message("shopping", content), message("", content), message(foreign, content),
        message(foreign, ""), message("shop", content, Emitted::kAtOnce)}) {
    const auto taken = take_all({kHeader + bytes, "kept"});
    ASSERT_EQ(taken.size(), 2U);
    EXPECT_LT(taken[0].bytes.size(), 200U);
    const auto decoded =
        PgoutputDecoder::decode_one(std::string_view(taken[0].bytes).substr(kHeader.size()), Within::kTransaction);
    ASSERT_TRUE(decoded) << decoded.error().what;
    const auto& logical = std::get<LogicalMessage>(decoded->body);
    EXPECT_TRUE(logical.content.empty());
    EXPECT_TRUE(logical.prefix != "shop" || logical.kind == LogicalMessage::Kind::kImmediate);
    EXPECT_EQ(taken[1].bytes, "kept");
  }
}

// Whatever the client library hands out at once: the same bytes.
TEST(FrameReader, TakesTheSameFromPiecesOfAnySize) {
  const std::string row = insert({value("key"), "n", value(std::string(300, 'x')), value("")});
  const std::string update =
      "U" + big_endian(9, 4) + "O" + tuple({value("old"), "u"}) + "N" + tuple({value(std::string(99, 'y')), "u"});
  const std::deque<std::string> frames{kHeader + row, kHeader + update, kHeader + message("shop", "content"),
                                       kHeader + "T" + big_endian(20, 4) + std::string(81, '\1')};
  for (std::size_t piece = kHeader.size() + 1; piece < 400; ++piece) {
    const auto taken = take_all(frames, {kEventBytes, "shop", piece});
    ASSERT_EQ(taken.size(), frames.size()) << piece;
    for (std::size_t i = 0; i < frames.size(); ++i) EXPECT_EQ(taken[i].bytes, frames[i]) << piece;
  }
}

// No server makes such a length, and nothing of the kind has arrived.
TEST(FrameReader, TakesNoMemoryForWhatALengthAnnounces) {
  const auto announced = [](std::uint64_t length) {
    return kHeader + "M" + std::string(9, '\1') + "shop" + std::string(1, '\0') + big_endian(length, 4) +
           std::string(kPiece, 'x');
  };
  tests::forget_peak_memory();
  const std::size_t before = tests::peak_memory_kib();
  EXPECT_THAT(words_of({announced(0xffffffff)}), HasSubstr("longer than the server makes them"));
  EXPECT_THAT(words_of({announced(0x3fffffff)}), HasSubstr("cut short"));
  EXPECT_THAT(words_of({kHeader + "T" + big_endian(0xffffffff, 4) + std::string(kPiece, 'x')}),
              HasSubstr("longer than the server makes them"));
  EXPECT_LT(tests::peak_memory_kib() - before, 64U << 10) << "a sanitizer needs some for itself";
}

TEST(FrameReader, RefusesWhatDoesNotAddUp) {
  const std::string whole = kHeader + insert({value(std::string(2 * kPiece, 'x'))});
  EXPECT_THAT(words_of({whole.substr(0, whole.size() - 1)}), HasSubstr("wal.protocol"));
  EXPECT_THAT(words_of({kHeader + "I" + big_endian(9, 4) + "N" + big_endian(1, 2) + "t" + big_endian(3, 4) +
                        std::string(kPiece, 'x')}),
              HasSubstr("wal.protocol"));
  EXPECT_THAT(words_of({kHeader + insert({"z" + std::string(kPiece, 'x')})}), HasSubstr("wal.protocol"));
  EXPECT_THAT(words_of({kHeader + "R" + std::string(kPiece, 'x')}), HasSubstr("wal.protocol"));
  EXPECT_THAT(words_of({"k" + std::string(kPiece, 'x')}), HasSubstr("wal.protocol"));
}

}  // namespace
}  // namespace penstock::wal
