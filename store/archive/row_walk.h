// The rows of a store in the order of their positions, stubs among them, page by page.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "store/event_log.h"
#include "store/transfer.h"

namespace penstock::store::archive {

// Single-threaded. `log` and `transfer` outlive it. Holds one page.
class RowWalk {
 public:
  // Rows with a position > after and ≤ until.
  RowWalk(EventLog& log, Transfer& transfer, Position after, Position until)
      : log_(log), transfer_(transfer), reached_(after), until_(until) {}

  // The next page; empty at the end. Valid until the next call. Errors: store.corrupt for a position that is
  // missing; store.removed for one that was dropped meanwhile.
  Result<std::span<const LogRow>> next();

 private:
  Status merge(const LogPage& page, std::vector<Stub> stubs);
  Error nothing_at(Position position);

  EventLog& log_;
  Transfer& transfer_;
  Position reached_;
  const Position until_;
  std::shared_ptr<const EventBatch> events_;
  std::vector<Stub> stubs_;
  std::vector<LogRow> rows_;
};

}  // namespace penstock::store::archive
