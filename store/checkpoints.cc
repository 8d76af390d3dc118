#include "store/checkpoints.h"

#include "store/event_log.h"

namespace penstock::store {

Result<CheckpointStep> judge_advance(std::string_view route, std::optional<Position> stored, Position from,
                                     Position to) {
  const auto refuse = [&](const std::string& why) {
    return fail(codes::kStoreCorrupt, "checkpoint of route \"" + std::string(route) + "\": " + why);
  };
  if (!stored) return refuse("there is none to advance from " + std::to_string(from.value));
  if (to < from)
    return refuse("asked to go back from " + std::to_string(from.value) + " to " + std::to_string(to.value));
  if (*stored == to) return CheckpointStep::kStandsThere;
  if (*stored == from) return CheckpointStep::kMove;
  return refuse("it stands at " + std::to_string(stored->value) + ", but this instance moves it from " +
                std::to_string(from.value) + " to " + std::to_string(to.value));
}

Error no_checkpoint_below(Position floor, Position position) {
  return removed_below(floor).with_context("a checkpoint at position " + std::to_string(position.value));
}

Status check_settled(std::string_view route, const Settled& settled, const EventId& found, std::uint64_t generation) {
  if (settled.generation && *settled.generation != generation)
    return fail(codes::kStoreFenced,
                "route " + std::string(route) + ": the store was promoted or restored since its log was compared");
  if (!settled.event || *settled.event == found) return {};
  return fail(codes::kStoreCorrupt, "route " + std::string(route) + ": event " + settled.event->to_string() +
                                        " was settled at position " + std::to_string(settled.position.value) +
                                        ", where the store has " + found.to_string());
}

}  // namespace penstock::store
