// Which transactions a session of the database sees, as one answer of the server says it. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "connectors/wal/pgoutput.h"

namespace penstock::wal {

class Snapshot {
 public:
  // The text of a pg_snapshot, as pg_current_snapshot() gives it: "10:20:10,14,15". nullopt for anything else.
  static std::optional<Snapshot> parse(std::string_view text);

  // Whether `xid`, the number of a whole transaction that stands in the log, had ended for others too.
  //
  // The log has 32 bits of a number, the server counts with 64: meant is the one next to the snapshot, because a
  // slot keeps the server from counting half a round beyond what it still has to read.
  bool sees(Xid xid) const;

 private:
  Snapshot() = default;

  std::uint64_t first_running_ = 0, end_ = 0;  // all below have ended; none from there on
  std::vector<std::uint64_t> running_;         // ascending
};

}  // namespace penstock::wal
