// What walsender and receiver say to each other inside COPY BOTH ("Streaming Replication Protocol" in
// Postgres's documentation). Pure: bytes in, values out, and back.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <variant>

#include "connectors/wal/lsn.h"
#include "connectors/wal/pgoutput.h"

namespace penstock::wal {

struct XLogData {
  Lsn start, server_end;
  std::string_view payload;  // one message of the output plugin
};
struct Keepalive {
  Lsn server_end;  // everything that ends at or before has been sent
  enum class Reply { kWhenConvenient, kNow } reply = Reply::kWhenConvenient;
};
using ServerFrame = std::variant<XLogData, Keepalive>;

tl::expected<ServerFrame, DecodeError> decode_frame(std::string_view bytes);

// The three positions of a standby status update. None is ever left at a default: the server takes
// `flush` for what it may forget.
struct StandbyStatus {
  Lsn write, flush, apply;
  bool operator==(const StandbyStatus&) const = default;
};

// `time`: microseconds since 2000-01-01 UTC. `reply`: whether the server is to answer.
std::string encode_status(const StandbyStatus& status, std::int64_t time,
                          Keepalive::Reply reply = Keepalive::Reply::kWhenConvenient);

}  // namespace penstock::wal
