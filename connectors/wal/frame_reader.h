// Takes the frames of a stream out of what has arrived, without a second copy of a long one beside the client
// library's. A row that is too large for any event is taken without its long values: it is parked by reference, which
// asks for their sizes only. A long message that somebody else wrote is taken without its content.
//
// The library hands a long frame out in pieces and doesn't say where it ends, so the lengths inside of it lead through
// it. They are not trusted: what doesn't add up is an error, and memory is taken as bytes arrive. Single-threaded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "connectors/wal/pgoutput.h"
#include "core/error.h"

namespace penstock::wal {

class FrameReader {
 public:
  static constexpr std::size_t kPieceBytes = 256 << 10;
  // Fills the room with what comes next of a frame; less only where the frame has no more, 0 where none has arrived.
  using NextPiece = std::function<Result<std::size_t>(std::span<char> room)>;
  struct Wanted {
    std::size_t event_bytes = 0;  // as of [limits]
    std::string message_prefix;   // of messages that are read; empty: none are
    // A frame that is shorter is taken at once. More than the head of a message.
    std::size_t piece_bytes = kPieceBytes;
    std::size_t ignored = 0;  // how many columns no event is made of; nobody knows here which
  };

  FrameReader(Wanted wanted, NextPiece next_piece);

  struct Frame {
    std::string_view bytes;  // until the next call
    PgoutputDecoder::Form form = PgoutputDecoder::Form::kWhole;
  };
  // nullopt: none has arrived. `within`: where its message stands. Errors: those of `next_piece`; wal.protocol.
  Result<std::optional<Frame>> next(PgoutputDecoder::Within within);

 private:
  Status take_long(PgoutputDecoder::Within within);
  Status take_update();
  Status take_tuple();
  Status take_value(std::size_t columns, std::uint64_t& row_bytes);
  Status take_logical_message();
  Result<std::string> take_prefix();
  Status take_truncate();

  // Whether a row is too large by one value, if that is not ignored, or by all so far, whatever its columns are.
  bool is_too_large_alone(std::size_t value_bytes) const;
  bool are_too_large(std::uint64_t row_bytes, std::size_t columns) const;
  std::uint64_t most_beside_payload() const;

  // Moves bytes of the frame into `long_`, or drops them.
  Status take(std::size_t count);
  Status drop(std::size_t count);
  Status need_piece();
  Status fill(std::span<char> room);
  template <typename Number>
  Result<Number> take_number();
  Result<std::size_t> take_length();

  const Wanted wanted_;
  const NextPiece next_piece_;
  const std::unique_ptr<char[]> piece_;
  std::string_view left_;  // of the last piece of a long frame
  std::string long_;
  PgoutputDecoder::Form form_ = PgoutputDecoder::Form::kWhole;
};

}  // namespace penstock::wal
