// Messages of the log, each behind its length in four bytes, as long frames that come in pieces of several sizes: the
// same bytes come out whatever the pieces are, but for what a message of somebody else holds; what makes no sense is an
// error, or bytes that the decoder refuses.
#include <algorithm>
#include <string>

#include "connectors/wal/frame_reader.h"
#include "connectors/wal/wire_reader.h"
#include "tests/fuzz/oracle.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace penstock::fuzz {
namespace {

using wal::FrameReader;
using wal::LogicalMessage;
using wal::PgoutputDecoder;

const std::string kHeader = "w" + std::string(24, '\0');
constexpr std::string_view kPrefix = "outbox";

// One frame, and nothing behind it, as libpq hands it out.
class OneFrame {
 public:
  explicit OneFrame(std::string frame) : frame_(std::move(frame)) {}

  Result<std::size_t> next_piece(std::span<char> room) {
    const std::size_t got = frame_.copy(room.data(), room.size(), done_);
    done_ += got;
    return got;
  }
  std::size_t bytes() const { return frame_.size(); }

 private:
  const std::string frame_;
  std::size_t done_ = 0;
};

bool may_be_long(char type) { return std::string_view("IUDMT").find(type) != std::string_view::npos; }

bool is_foreign(const wal::Message& message) {
  const auto* logical = std::get_if<LogicalMessage>(&message.body);
  return logical != nullptr && (logical->prefix != kPrefix || logical->kind == LogicalMessage::Kind::kImmediate);
}

void demand_emptied(std::string_view bytes, PgoutputDecoder::Within within, const wal::Message& whole) {
  const auto message = PgoutputDecoder::decode_one(bytes, within);
  demand(message.has_value());
  const auto& before = std::get<LogicalMessage>(whole.body);
  const auto& after = std::get<LogicalMessage>(message->body);
  demand(message->xid == whole.xid && after.kind == before.kind && after.lsn == before.lsn);
  demand(after.content.empty() && before.prefix.starts_with(after.prefix));
  demand((after.prefix == kPrefix) == (before.prefix == kPrefix));
}

void take_in_pieces(std::string_view bytes, PgoutputDecoder::Within within, std::size_t piece) {
  OneFrame source(kHeader + std::string(bytes));
  FrameReader reader({1 << 20, std::string(kPrefix), piece},
                     [&](std::span<char> room) { return source.next_piece(room); });
  const auto frame = reader.next(within);
  const auto message = PgoutputDecoder::decode_one(bytes, within);
  if (!message) return;
  const bool is_long = source.bytes() >= piece;
  if (is_long && !may_be_long(bytes[0])) return demand(!frame);
  demand(frame && *frame && (*frame)->form == PgoutputDecoder::Form::kWhole);
  const std::string_view taken = (*frame)->bytes.substr(kHeader.size());
  if (is_long && is_foreign(*message)) return demand_emptied(taken, within, *message);
  demand(taken == bytes);
}

}  // namespace
}  // namespace penstock::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using penstock::wal::PgoutputDecoder;
  penstock::wal::WireReader reader({reinterpret_cast<const char*>(data), size});
  PgoutputDecoder decoder;
  while (!reader.at_end()) {
    const std::string_view bytes = reader.bytes(reader.uint32());
    if (reader.failed()) break;
    for (const std::size_t piece : {26U, 27U, 31U, 40U, 100U, 1000U})
      penstock::fuzz::take_in_pieces(bytes, decoder.within(), piece);
    if (!decoder.decode(bytes)) break;
  }
  return 0;
}
