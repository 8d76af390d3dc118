#include "connectors/outbox/cursor_checkpoint.h"

#include <utility>

#include "connectors/outbox/cell_text.h"
#include "connectors/outbox/cursor_place.h"
#include "core/failpoint.h"

namespace penstock::outbox {

Result<CursorCheckpoint::Start> CursorCheckpoint::resume(OutboxTable& table, Lease lease) {
  lease_ = std::move(lease);
  stored_.reset();
  witness_.reset();
  auto stored = checkpoints_.load(settings_.source_name);
  if (!stored) return fail(std::move(stored.error()).with_context("loading the checkpoint"));
  stored_ = *std::move(stored);
  if (stored_) return resume_at(table, *stored_);
  Start start{LowMark(table.mark_moves(), Crowded::kHoldBack, {{kLowestNumber, kHighestNumber}}), {}};
  if (xid_column(settings_.policy) != nullptr) start.read_to = XidPlace{};
  return start;
}

Result<CursorCheckpoint::Start> CursorCheckpoint::resume_at(OutboxTable& table, const SourceCheckpoint& checkpoint) {
  const OutboxTable::Identity identity = table.identity();
  if (checkpoint.system_identifier != identity.system_identifier)
    return foreign("it was made in another database, or the table was made anew");

  const bool by_xid = xid_column(settings_.policy) != nullptr;
  const auto place = parse_xid_place(checkpoint.position);
  auto ranges = parse_ranges(checkpoint.position);
  if (by_xid ? !place : !ranges) return foreign("it was made under another guard");
  const auto drawn = table.last_drawn();
  if (!drawn) return fail(drawn.error());
  // A promotion may have lost rows whose numbers are then given again.
  if (checkpoint.timeline != identity.timeline && (by_xid || !*drawn))
    return foreign("the database was promoted since, and may have lost rows that were delivered");
  if (by_xid) return Start{LowMark(table.mark_moves()), place};

  witness_ = parse_witness(checkpoint.position);
  LowMark low_mark(table.mark_moves(), Crowded::kHoldBack, *std::move(ranges));
  const auto numbering = table.numbering(wish().row);
  if (!numbering) return fail(numbering.error());
  if (auto checked = check(*numbering, low_mark, {}); !checked) return fail(std::move(checked.error()));
  return Start{std::move(low_mark), {}};
}

tl::unexpected<Error> CursorCheckpoint::foreign(const std::string& why) const {
  const std::string place =
      stored_ ? "the checkpoint `" + stored_->position.substr(0, 80) + "`" : std::string("what was read");
  return fail(codes::kOutboxCheckpointForeign,
              place + " does not fit table " + settings_.table.to_string() + ": " + why);
}

ScanPlan::AskNumbering CursorCheckpoint::wish() const {
  return {witness_ ? std::optional(witness_->number) : std::nullopt};
}

Status CursorCheckpoint::check(const Numbering& numbering, const LowMark& low_mark,
                               std::optional<std::int64_t> found) const {
  const auto given = numbering.given;
  const std::int64_t open_from = low_mark.open().back().first;
  if (given && open_from != kLowestNumber && *given < open_from - 1)
    return foreign("its sequence stands at " + std::to_string(*given) +
                   ", so numbers are given again, and what gets one up to " + std::to_string(open_from - 1) +
                   " would never be delivered");
  if (witness_ && numbering.row_id && *numbering.row_id != witness_->id)
    return foreign(
        "the row with number " + std::to_string(witness_->number) +
        " is another one than the one that was delivered, so numbers are given again, and what got one up to " +
        std::to_string(open_from - 1) + " would never be delivered");
  if (given && found && *given < *found)
    return fail(
        codes::kOutboxOrderMissing,
        "table " + settings_.table.to_string() + ": there is a row with number " + std::to_string(*found) +
            ", while the sequence of `" + settings_.order_by + "` stands at " + std::to_string(*given) +
            ": rows that get a number between them would never be delivered. Raise the sequence with setval() to "
            "the highest number of the table.");
  return {};
}

// The database writes bytes in its own way.
void CursorCheckpoint::settled(const RowKey& row) {
  std::string scratch;
  const auto id = row.id.is == Cell::Is::kBytes ? std::nullopt : text_of(row.id, scratch);
  if (auto witness = id ? witness_of(row.number, *id) : std::nullopt) witness_ = std::move(witness);
}

Status CursorCheckpoint::advance(const OutboxTable& table, const XidPlace& place) {
  return advance(table, words_of(place));
}

Status CursorCheckpoint::advance(const OutboxTable& table, std::span<const NumberRange> unsettled) {
  return advance(table, words_of(unsettled, witness_));
}

Status CursorCheckpoint::advance(const OutboxTable& table, std::string position) {
  const OutboxTable::Identity identity = table.identity();
  SourceCheckpoint to{std::move(position), identity.system_identifier, identity.timeline};
  pass_failpoint("outbox.in_settle");
  if (auto advanced = checkpoints_.advance(lease_, settings_.source_name, stored_, to); !advanced) return advanced;
  stored_ = std::move(to);
  return {};
}

}  // namespace penstock::outbox
