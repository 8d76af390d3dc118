#include "connectors/wal/replication_frames.h"

#include "connectors/wal/wire_reader.h"

namespace penstock::wal {
namespace {

void append_uint64(std::string& out, std::uint64_t number) {
  for (int shift = 56; shift >= 0; shift -= 8) out += static_cast<char>(number >> shift & 0xFF);
}

}  // namespace

tl::expected<ServerFrame, DecodeError> decode_frame(std::string_view bytes) {
  WireReader reader(bytes);
  const char type = static_cast<char>(reader.byte());
  if (type == 'w') {
    XLogData data;
    data.start = Lsn{reader.uint64()};
    data.server_end = Lsn{reader.uint64()};
    reader.int64();  // the server's clock
    data.payload = reader.rest();
    if (reader.failed()) return tl::unexpected(DecodeError{reader.offset(), "the frame is cut short"});
    return data;
  }
  if (type == 'k') {
    Keepalive keepalive;
    keepalive.server_end = Lsn{reader.uint64()};
    reader.int64();  // the server's clock
    keepalive.reply = reader.byte() == 0 ? Keepalive::Reply::kWhenConvenient : Keepalive::Reply::kNow;
    if (reader.failed()) return tl::unexpected(DecodeError{reader.offset(), "the frame is cut short"});
    if (!reader.at_end()) return tl::unexpected(DecodeError{reader.offset(), "bytes are left over behind the frame"});
    return keepalive;
  }
  return tl::unexpected(DecodeError{0, "the type of the frame is unknown"});
}

std::string encode_status(const StandbyStatus& status, std::int64_t time, Keepalive::Reply reply) {
  std::string bytes = "r";
  append_uint64(bytes, status.write.value);
  append_uint64(bytes, status.flush.value);
  append_uint64(bytes, status.apply.value);
  append_uint64(bytes, static_cast<std::uint64_t>(time));
  bytes += reply == Keepalive::Reply::kNow ? '\1' : '\0';
  return bytes;
}

}  // namespace penstock::wal
