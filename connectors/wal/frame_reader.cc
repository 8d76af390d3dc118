#include "connectors/wal/frame_reader.h"

#include <algorithm>

#include "connectors/outbox/row_size.h"
#include "connectors/wal/change_reader.h"

namespace penstock::wal {
namespace {

// In front of a message: the frame's type, two places in the log, a time.
constexpr std::size_t kHeader = 1 + 8 + 8 + 8;
// Of the two digits that stand for a byte only one counts.
constexpr std::uint64_t kAsSent = 2;
// A server makes no message, and so no part of one, that is longer.
constexpr std::size_t kLongest = 0x3fffffff;
// What is asked for at once, and the room that is made for what has not arrived.
constexpr std::size_t kStep = 1 << 20, kMostAhead = 32 << 20;
// Of prefixes that are not ours, and may be long, so much is kept that they stay so.
constexpr std::size_t kForeignPrefix = 64;

tl::unexpected<Error> not_understood(std::string_view what) {
  return fail(codes::kWalProtocol, "a long frame of the stream can't be read: " + std::string(what));
}

}  // namespace

FrameReader::FrameReader(Wanted wanted, NextPiece next_piece)
    : wanted_(std::move(wanted)), next_piece_(std::move(next_piece)), piece_(new char[wanted_.piece_bytes]) {}

Result<std::optional<FrameReader::Frame>> FrameReader::next(PgoutputDecoder::Within within) {
  if (long_.capacity() > kPieceBytes) std::string().swap(long_);
  const auto got = next_piece_({piece_.get(), wanted_.piece_bytes});
  if (!got) return fail(got.error());
  if (*got == 0) return std::nullopt;
  left_ = {piece_.get(), *got};
  if (*got < wanted_.piece_bytes) return Frame{left_};
  if (auto taken = take_long(within); !taken) return fail(std::move(taken.error()));
  return Frame{long_, form_};
}

Status FrameReader::take_long(PgoutputDecoder::Within within) {
  long_.clear();
  form_ = PgoutputDecoder::Form::kWhole;
  const char frame = left_[0], message = left_[kHeader];
  if (frame != 'w') return not_understood("nothing of its type is so long");
  const std::size_t xid = within == PgoutputDecoder::Within::kStream ? sizeof(std::uint32_t) : 0;
  Status taken = take(kHeader + 1 + xid);
  switch (message) {
    case 'I':
    case 'D':
      if (taken) taken = take(sizeof(std::uint32_t) + 1);
      if (taken) taken = take_tuple();
      break;
    case 'U':
      if (taken) taken = take_update();
      break;
    case 'M':
      if (taken) taken = take_logical_message();
      break;
    case 'T':
      if (taken) taken = take_truncate();
      break;
    default: return not_understood("no message of its type is so long");
  }
  if (taken && !left_.empty()) return not_understood("bytes are left over");
  return taken;
}

// The row as it is, and before it perhaps the row, or its key, as it was.
Status FrameReader::take_update() {
  if (auto taken = take(sizeof(std::uint32_t)); !taken) return taken;
  const auto part = take_number<std::uint8_t>();
  if (!part) return fail(part.error());
  if (*part != 'N') {
    if (auto taken = take_tuple(); !taken) return taken;
    if (auto taken = take(1); !taken) return taken;
  }
  return take_tuple();
}

Status FrameReader::take_tuple() {
  const auto columns = take_number<std::uint16_t>();
  if (!columns) return fail(columns.error());
  std::uint64_t row_bytes = 0;
  for (std::size_t i = 0; i < *columns; ++i)
    if (auto taken = take_value(*columns, row_bytes); !taken) return taken;
  return {};
}

Status FrameReader::take_value(std::size_t columns, std::uint64_t& row_bytes) {
  const std::size_t kind_at = long_.size();
  const auto kind = take_number<std::uint8_t>();
  if (!kind) return fail(kind.error());
  if (*kind == 'n' || *kind == 'u') return {};
  if (*kind != 't' && *kind != 'b') return not_understood("a row has a value of an unknown kind");
  const auto bytes = take_length();
  if (!bytes) return fail(bytes.error());
  if (*bytes <= kLongestName) return take(*bytes);
  const bool too_large_alone = is_too_large_alone(*bytes);
  // One that is ignored says nothing of the others.
  if (!too_large_alone || wanted_.ignored == 0) row_bytes += *bytes;
  if (!too_large_alone && !are_too_large(row_bytes, columns)) return take(*bytes);
  form_ = PgoutputDecoder::Form::kCut;
  long_[kind_at] = kCutValue;
  if (auto taken = take(kCutValueStart); !taken) return taken;
  return drop(*bytes - kCutValueStart);
}

bool FrameReader::is_too_large_alone(std::size_t value_bytes) const { return value_bytes > most_beside_payload(); }

bool FrameReader::are_too_large(std::uint64_t row_bytes, std::size_t columns) const {
  return row_bytes > kAsSent * (wanted_.event_bytes + columns) + (1 + wanted_.ignored) * most_beside_payload();
}

std::uint64_t FrameReader::most_beside_payload() const {
  return kAsSent * (wanted_.event_bytes + outbox::kOtherColumnsBytes + 1);
}

Status FrameReader::take_logical_message() {
  const auto flags = take_number<std::uint8_t>();
  if (!flags) return fail(flags.error());
  if (auto taken = take(sizeof(std::uint64_t)); !taken) return taken;
  const auto prefix = take_prefix();
  if (!prefix) return fail(prefix.error());
  const auto bytes = take_length();
  if (!bytes) return fail(bytes.error());
  const bool is_transactional = *flags != 0;
  if (is_transactional && !prefix->empty() && *prefix == wanted_.message_prefix) return take(*bytes);
  long_.replace(long_.size() - sizeof(std::uint32_t), sizeof(std::uint32_t), sizeof(std::uint32_t), '\0');
  return drop(*bytes);
}

// Its beginning, where it is longer than any that is read.
Result<std::string> FrameReader::take_prefix() {
  const std::size_t most = std::max(kForeignPrefix, wanted_.message_prefix.size()) + 1;
  std::string prefix;
  for (bool ended = false; !ended;) {
    if (auto needed = need_piece(); !needed) return fail(std::move(needed.error()));
    const std::size_t end = left_.find('\0');
    ended = end != std::string_view::npos;
    const std::string_view here = left_.substr(0, end);
    prefix.append(here.substr(0, most - prefix.size()));
    left_.remove_prefix(here.size() + (ended ? 1 : 0));
  }
  long_.append(prefix).append(1, '\0');
  return prefix;
}

Status FrameReader::take_truncate() {
  const auto relations = take_length();
  if (!relations) return fail(relations.error());
  return take(1 + *relations * sizeof(std::uint32_t));
}

Status FrameReader::take(std::size_t count) {
  while (count > 0) {
    if (left_.empty() && count >= wanted_.piece_bytes) {
      const std::size_t held = long_.size(), step = std::min(count, kStep);
      if (long_.capacity() < held + step) long_.reserve(held + std::min(count, kMostAhead));
      long_.resize(held + step);
      if (auto filled = fill({long_.data() + held, step}); !filled) return filled;
      count -= step;
      continue;
    }
    if (auto needed = need_piece(); !needed) return needed;
    const std::string_view here = left_.substr(0, count);
    if (count > here.size() && long_.capacity() < long_.size() + count)
      long_.reserve(long_.size() + std::min(count, kMostAhead));
    long_.append(here);
    left_.remove_prefix(here.size());
    count -= here.size();
  }
  return {};
}

Status FrameReader::drop(std::size_t count) {
  while (count > 0) {
    if (auto needed = need_piece(); !needed) return needed;
    const std::size_t here = std::min(count, left_.size());
    left_.remove_prefix(here);
    count -= here;
  }
  return {};
}

// Only where the frame must have more: nothing tells one that was taken whole from one that goes on.
Status FrameReader::need_piece() {
  if (!left_.empty()) return {};
  const auto got = next_piece_({piece_.get(), wanted_.piece_bytes});
  if (!got) return fail(got.error());
  left_ = {piece_.get(), *got};
  return *got > 0 ? Status() : not_understood("it is cut short");
}

Status FrameReader::fill(std::span<char> room) {
  const auto got = next_piece_(room);
  if (!got) return fail(got.error());
  return *got == room.size() ? Status() : not_understood("it is cut short");
}

template <typename Number>
Result<Number> FrameReader::take_number() {
  if (auto taken = take(sizeof(Number)); !taken) return fail(std::move(taken.error()));
  Number number = 0;
  for (const char c : std::string_view(long_).substr(long_.size() - sizeof(Number)))
    number = static_cast<Number>(std::uint64_t{number} << 8 | static_cast<std::uint8_t>(c));
  return number;
}

Result<std::size_t> FrameReader::take_length() {
  const auto length = take_number<std::uint32_t>();
  if (!length) return fail(length.error());
  if (*length > kLongest) return not_understood("a part of it is longer than the server makes them");
  return std::size_t{*length};
}

}  // namespace penstock::wal
