// What the lines of an archive say, whichever style they are written in.
//
// An archive begins with its Header and ends with its End. In between stand the rows of the log, ascending
// and without a gap, and behind them what else a store knows that must not be lost when it is moved.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "store/checkpoints.h"
#include "store/gaps.h"
#include "store/parked_events.h"
#include "store/retention.h"
#include "store/transfer.h"

namespace penstock::store::archive {

inline constexpr int kFormat = 1;

struct Header {
  int format = kFormat;
  std::string program;     // version of the one that wrote it
  StoreIdentity identity;  // of the store that was exported
  Position after;          // the rows begin behind this position
  EventId after_id;        // of the event there; nil at 0
  Position floor{0};       // of the log that was exported: an archive behind it has all that there is
  Timestamp exported_at{};
};

// A stream of which not everything is read, or can be written to, or that has no rows any more.
struct StreamEntry {
  std::string name;
  StreamState state = StreamState::kLive;
  Version truncate_before;
  StreamLimits limits;
  // Where no row of the stream is left: what the rows would have told.
  struct WithoutRows {
    std::string category;
    Version last_version;
  };
  std::optional<WithoutRows> without_rows = std::nullopt;
};

struct CheckpointEntry {
  std::string route;
  Position position;
  EventId event_id;
};

struct SourceCheckpointEntry {
  std::string source;
  SourceCheckpoint checkpoint;
};

struct End {
  std::uint64_t rows = 0;
  Position head;       // of the last row; of the header's `after` when there is none
  EventId head_id;     // of the event there
  std::string sha256;  // of all bytes before this line
};

using Entry =
    std::variant<Header, LogRow, StreamEntry, CheckpointEntry, SourceCheckpointEntry, ParkedEvent, GapRecord, End>;

}  // namespace penstock::store::archive
