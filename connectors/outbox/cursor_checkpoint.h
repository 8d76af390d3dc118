// The checkpoint of a source that keeps its rows (policy "cursor"): where an opening goes on, and what is stored
// when rows are settled. Single-threaded.
#pragma once

#include <optional>
#include <string>

#include "connectors/outbox/low_mark.h"
#include "connectors/outbox/outbox_settings.h"
#include "connectors/outbox/outbox_table.h"
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

  // `position`: the words of cursor_place.h. Errors: those of the store; fenced.
  Status advance(const OutboxTable& table, std::string position);

 private:
  Result<Start> resume_at(OutboxTable& table, const SourceCheckpoint& checkpoint) const;

  const OutboxSettings& settings_;
  SourceCheckpoints& checkpoints_;
  // Of the opening.
  Lease lease_;
  std::optional<SourceCheckpoint> stored_;
};

}  // namespace penstock::outbox
