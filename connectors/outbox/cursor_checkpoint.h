// The checkpoint of a source that keeps its rows (policy "cursor"): where an opening goes on, and what is stored
// when rows are settled. Single-threaded.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "connectors/outbox/cursor_place.h"
#include "connectors/outbox/low_mark.h"
#include "connectors/outbox/outbox_settings.h"
#include "connectors/outbox/outbox_table.h"
#include "connectors/outbox/rows_in_flight.h"
#include "core/lease.h"
#include "core/source_checkpoints.h"

namespace penstock::outbox {

class CursorCheckpoint {
 public:
  // Both outlive it.
  CursorCheckpoint(const OutboxSettings& settings, SourceCheckpoints& checkpoints)
      : settings_(settings), checkpoints_(checkpoints) {}

  // What an opening starts with.
  struct Start {
    LowMark low_mark;
    std::optional<XidPlace> read_to;  // with guard "xid", instead of the low mark
  };
  // Of an opened table, for the time that `lease` is held. Errors: outbox.checkpoint_foreign (internal) when what is
  // stored names other rows; those of the store and of the table.
  Result<Start> resume(OutboxTable& table, Lease lease);

  // What a scan of the open ranges of `low_mark` has to ask, and whether the answer allows to go on behind them: what
  // is passed must not be given a second time. `found`: the highest number of the scan. Errors:
  // outbox.checkpoint_foreign (internal) when numbers that were passed are given again; outbox.order_missing (invalid)
  // when the sequence stands below what was found, so that it will give numbers that would have been passed.
  ScanPlan::AskNumbering wish() const;
  Status check(const Numbering& numbering, const LowMark& low_mark, std::optional<std::int64_t> found) const;

  // The row is the witness of the checkpoints to come.
  void settled(const RowKey& row);
  // Errors: those of the store; fenced.
  Status advance(const OutboxTable& table, const XidPlace& place);
  Status advance(const OutboxTable& table, std::span<const NumberRange> unsettled);

 private:
  Result<Start> resume_at(OutboxTable& table, const SourceCheckpoint& checkpoint);
  tl::unexpected<Error> foreign(const std::string& why) const;
  Status advance(const OutboxTable& table, std::string position);

  const OutboxSettings& settings_;
  SourceCheckpoints& checkpoints_;
  // Of the opening.
  Lease lease_;
  std::optional<SourceCheckpoint> stored_;
  std::optional<Witness> witness_;
};

}  // namespace penstock::outbox
