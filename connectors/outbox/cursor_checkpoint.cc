#include "connectors/outbox/cursor_checkpoint.h"

#include <utility>

#include "connectors/outbox/cursor_place.h"
#include "core/failpoint.h"

namespace penstock::outbox {

Result<CursorCheckpoint::Start> CursorCheckpoint::resume(OutboxTable& table, Lease lease) {
  lease_ = std::move(lease);
  stored_.reset();
  auto stored = checkpoints_.load(settings_.source_name);
  if (!stored) return fail(std::move(stored.error()).with_context("loading the checkpoint"));
  stored_ = *std::move(stored);
  if (stored_) return resume_at(table, *stored_);
  Start start{LowMark(table.mark_moves(), Crowded::kHoldBack, {{kLowestNumber, kHighestNumber}}), {}};
  if (xid_column(settings_.policy) != nullptr) start.read_to = XidPlace{};
  return start;
}

Result<CursorCheckpoint::Start> CursorCheckpoint::resume_at(OutboxTable& table,
                                                            const SourceCheckpoint& checkpoint) const {
  const auto foreign = [&](const std::string& why) {
    return fail(codes::kOutboxCheckpointForeign, "the checkpoint `" + checkpoint.position.substr(0, 80) +
                                                     "` does not fit table " + settings_.table.to_string() + ": " +
                                                     why);
  };
  const OutboxTable::Identity identity = table.identity();
  if (checkpoint.system_identifier != identity.system_identifier)
    return foreign("it was made in another database, or the table was made anew");

  const bool by_xid = xid_column(settings_.policy) != nullptr;
  const auto place = parse_xid_place(checkpoint.position);
  auto ranges = parse_ranges(checkpoint.position);
  if (by_xid ? !place : !ranges) return foreign("it was made under another guard");
  const std::int64_t settled_to = by_xid ? place->number : ranges->back().first - 1;
  const auto drawn = table.last_drawn();
  if (!drawn) return fail(drawn.error());
  if (!by_xid && *drawn && **drawn < settled_to)
    return foreign("its sequence stands at " + std::to_string(**drawn) + ", so numbers are given again");
  // A promotion may have lost rows whose numbers are then given again.
  if (checkpoint.timeline != identity.timeline && (by_xid || !*drawn))
    return foreign("the database was promoted since, and may have lost rows that were delivered");
  if (by_xid) return Start{LowMark(table.mark_moves()), place};
  return Start{LowMark(table.mark_moves(), Crowded::kHoldBack, *std::move(ranges)), {}};
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
