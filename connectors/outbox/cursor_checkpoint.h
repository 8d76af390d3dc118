// The checkpoint of a source that keeps its rows (policy "cursor"): where an opening goes on, and what is stored
// when rows are settled. Single-threaded.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/outbox/cursor_place.h"
#include "connectors/outbox/lost_numbers.h"
#include "connectors/outbox/low_mark.h"
#include "connectors/outbox/outbox_settings.h"
#include "connectors/outbox/outbox_table.h"
#include "connectors/outbox/rows_in_flight.h"
#include "core/lease.h"
#include "core/log.h"
#include "core/source_checkpoints.h"
#include "core/source_gaps.h"

namespace penstock::outbox {

class CursorCheckpoint {
 public:
  // All outlive it.
  CursorCheckpoint(const OutboxSettings& settings, SourceCheckpoints& checkpoints, SourceGaps& gaps, Log& log)
      : settings_(settings),
        checkpoints_(checkpoints),
        log_(log),
        lost_(settings.source_name, settings.on_lost_tail, gaps, log) {}

  // What an opening starts with.
  struct Start {
    LowMark low_mark;
    std::optional<XidPlace> read_to;  // with guard "xid", instead of the low mark
  };
  // Of an opened table, for the time that `lease` is held. What no longer is what was delivered is on record first.
  // Errors: outbox.lost_tail, outbox.checkpoint_foreign while such a record waits for an operator; outbox.unavailable
  // when the server is a former primary; those of the store and of the table.
  Result<Start> resume(OutboxTable& table, Lease lease);

  // What a scan of the open ranges of `low_mark` has to ask, and whether the answer allows to go on behind them: what
  // is passed must not be given a second time. `found`: the highest number of the scan. Errors: outbox.lost_tail,
  // outbox.checkpoint_foreign when numbers that were passed are given again, which is on record then;
  // outbox.order_missing (invalid) when the sequence stands below what was found, so that it will give numbers that
  // would have been passed.
  ScanPlan::AskNumbering wish() const;
  Status check(OutboxTable& table, const Numbering& numbering, const LowMark& low_mark,
               std::optional<std::int64_t> found);

  // The row is a witness of the checkpoints to come.
  void settled(const RowKey& row);
  // Errors: those of the store; fenced.
  Status advance(const OutboxTable& table, const XidPlace& place);
  Status advance(const OutboxTable& table, std::span<const NumberRange> unsettled);

 private:
  Result<Start> resume_stored(OutboxTable& table);
  Result<Start> go_on_behind(const OutboxTable& table, const LostNumbers::Passage& passage);

  Result<std::optional<NumberLoss>> find_loss(OutboxTable& table);
  Result<std::optional<NumberLoss>> find_loss_of_numbers(OutboxTable& table, std::span<const NumberRange> unsettled);
  Result<std::optional<NumberLoss>> find_loss_of_xids(OutboxTable& table, const XidPlace& place);
  // Why numbers are given again; empty: they are not.
  std::string given_again(const Numbering& numbering, std::int64_t passed_to) const;
  // With what is left of the witnesses as the place where the loss begins.
  Result<NumberLoss> loss_of(OutboxTable& table, const std::string& why, std::int64_t passed_to,
                             std::optional<std::int64_t> given) const;
  // The number of an older row that was delivered, and under which another one is there now.
  Result<std::optional<std::int64_t>> find_stranger(OutboxTable& table) const;
  Result<std::optional<std::int64_t>> find_survivor(OutboxTable& table, std::optional<std::int64_t> given) const;
  // Of another database, or a table that was made anew, with rows of the one that was read if it has them.
  Result<NumberLoss> foreign_table(OutboxTable& table, std::int64_t passed_to) const;
  NumberLoss foreign(const std::string& why, std::int64_t passed_to) const;

  // Of what the table says of a row's id, as text. nullopt: a row without one.
  std::optional<std::string> id_in(std::string_view cell) const;
  // nullopt: it tells nothing.
  std::optional<Witness> witness_in(std::int64_t number, std::string_view cell) const;
  bool is_same(const Witness& witness, std::string_view cell) const {
    return witness_in(witness.number, cell) == witness;
  }
  // A row that was emptied is as good as gone.
  bool shows_row(const Numbering& numbering) const { return numbering.row_id && id_in(*numbering.row_id); }

  bool by_xid() const { return xid_column(settings_.policy) != nullptr; }
  bool is_promoted(const OutboxTable& table) const;
  Status advance(const OutboxTable& table, std::string position);

  const OutboxSettings& settings_;
  SourceCheckpoints& checkpoints_;
  Log& log_;
  LostNumbers lost_;
  std::optional<NumberLoss> unrecorded_;     // found under way, when the store could not be reached
  std::int64_t handed_out_ = kLowestNumber;  // the highest number of all openings since the last passage
  // Of the opening.
  Lease lease_;
  std::optional<SourceCheckpoint> stored_;
  Evidence evidence_;
  enum class Sequence { kUnknown, kHasGiven } sequence_ = Sequence::kUnknown;  // as it was seen
};

}  // namespace penstock::outbox
