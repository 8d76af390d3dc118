// How a route talks to the thread that owns its source: commands one way, answers the other. Every
// command has exactly one answer, in the order of the commands; `SourceLost` comes unasked.
#pragma once

#include <variant>
#include <vector>

#include "connectors/source.h"
#include "core/lease.h"
#include "relay/attempt_book.h"
#include "store/parked_events.h"

namespace penstock::relay {

struct OpenSource {
  Lease lease;
};
struct ReadSource {
  connectors::ReadRoom room;
  SteadyTime not_before{};  // an idle source is not asked again at once
};
struct SettleSource {
  ReadMark mark;
};
// Writes rows to the parked list. It is here because the thread of the source is the one that may wait
// for a database.
struct ParkRows {
  std::vector<store::ParkedEvent> rows;
};
struct CloseSource {};
// Of care.h, for the same reason: before a row is tried, and when what was counted is no longer held against anything.
struct BeginAttempt {
  std::string row;
};
struct TakeBack {
  enum class What { kAttempt, kAll } what;
};

using SourceCommand = std::variant<OpenSource, ReadSource, SettleSource, ParkRows, CloseSource, BeginAttempt, TakeBack>;

struct SourceOpened {
  Status status;
  std::uint32_t unended = 0;  // openings before it that had no good end
};
struct SourceRead {
  Result<connectors::ReadBatch> batch;
  // kShort: by a command that came; an empty batch says nothing of the source then.
  enum class Cut { kNot, kShort } cut = Cut::kNot;

  bool found_nothing() const { return batch && batch->items.empty() && cut == Cut::kNot; }
};
struct SourceSettled {
  ReadMark mark;
  Status status;
};
struct RowsParked {
  Status status;
};
struct SourceClosed {};
struct AttemptBegun {
  Result<AttemptBook::Verdict> verdict;
};
struct TakenBack {
  TakeBack::What what;
  Status status;
};
// The session died while nothing was asked of it.
struct SourceLost {
  Error error;
};

using SourceAnswer = std::variant<SourceOpened, SourceRead, SourceSettled, RowsParked, SourceClosed, AttemptBegun,
                                  TakenBack, SourceLost>;

class SourcePort {
 public:
  virtual ~SourcePort() = default;
  // Never waits. A read that is waiting ends early when another command comes.
  virtual void post(SourceCommand command) = 0;
};

}  // namespace penstock::relay
