#include "store/retention.h"

#include <algorithm>

namespace penstock::store {
namespace {

std::string quoted(std::string_view stream) { return "stream \"" + std::string(stream) + "\""; }

tl::unexpected<Error> missing(std::string_view stream) {
  return fail(codes::kStoreNoSuchStream, quoted(stream) + " does not exist");
}

tl::unexpected<Error> removed(std::string_view stream, StreamState state) {
  return fail(codes::kStoreStreamDeleted, quoted(stream) + " is " + std::string(to_string(state)));
}

tl::unexpected<Error> wrong_version(std::string_view stream, const ExpectedVersion& expected, Version actual) {
  return fail(codes::kStoreWrongExpectedVersion,
              quoted(stream) + ": expected " + to_string(expected) + ", actual " + std::to_string(actual.value));
}

}  // namespace

Version StreamRetention::first_readable() const {
  if (!limits.max_count) return truncate_before;
  const auto count = static_cast<std::int64_t>(
      std::min<std::uint64_t>(*limits.max_count, static_cast<std::uint64_t>(last_version.value) + 1));
  return std::max(truncate_before, Version{last_version.value - count + 1});
}

Result<StreamRetention> judge_removal(std::string_view stream, const std::optional<StreamRetention>& found,
                                      Removal removal, const ExpectedVersion& expected) {
  if (!found) return missing(stream);
  if (found->state == StreamState::kTombstoned) {
    if (removal == Removal::kTombstone) return *found;
    return removed(stream, found->state);
  }
  const bool deleted = found->state == StreamState::kDeleted;
  if (deleted && std::holds_alternative<StreamExists>(expected)) return removed(stream, found->state);
  const auto* exact = std::get_if<Version>(&expected);
  const bool holds =
      exact != nullptr ? *exact == found->last_version : deleted || !std::holds_alternative<NoStream>(expected);
  if (!holds) return wrong_version(stream, expected, found->last_version);
  StreamRetention after = *found;
  after.state = removal == Removal::kTombstone ? StreamState::kTombstoned : StreamState::kDeleted;
  after.truncate_before = found->last_version.next();
  return after;
}

Result<StreamRetention> judge_truncation(std::string_view stream, const std::optional<StreamRetention>& found,
                                         Version before) {
  if (!found) return missing(stream);
  if (before.value < 0 || before > found->last_version.next())
    return fail(codes::kStoreInvalidRequest, quoted(stream) + " ends at version " +
                                                 std::to_string(found->last_version.value) +
                                                 ", it can't be truncated before " + std::to_string(before.value));
  StreamRetention after = *found;
  after.truncate_before = std::max(found->truncate_before, before);
  return after;
}

Result<StreamRetention> judge_limits(std::string_view stream, const std::optional<StreamRetention>& found,
                                     const StreamLimits& limits) {
  if (!found) return missing(stream);
  constexpr std::uint64_t kMost = INT64_MAX;
  if (limits.max_count && (*limits.max_count == 0 || *limits.max_count > kMost))
    return fail(codes::kStoreInvalidRequest, "a stream keeps at least one event");
  if (limits.max_age && limits.max_age->count() <= 0)
    return fail(codes::kStoreInvalidRequest, "the age of events is limited by a positive time only");
  StreamRetention after = *found;
  after.limits = limits;
  return after;
}

Result<FloorStep> judge_floor(Position floor, const FloorFacts& facts, std::span<const std::string> past) {
  if (floor <= facts.floor) return FloorStep::kStandsThere;
  if (floor > facts.head)
    return fail(codes::kStoreInvalidRequest, "the log ends at position " + std::to_string(facts.head.value) +
                                                 ", so nothing up to " + std::to_string(floor.value) +
                                                 " can be dropped");
  for (const auto& [route, checkpoint] : facts.behind)
    if (std::ranges::find(past, route) == past.end())
      return fail(codes::kStoreStillNeeded, "route " + route + " has its checkpoint at position " +
                                                std::to_string(checkpoint.value) + ", and needs what follows it");
  return FloorStep::kRaise;
}

std::string_view to_string(StreamState state) {
  switch (state) {
    case StreamState::kLive: return "live";
    case StreamState::kDeleted: return "deleted";
    case StreamState::kTombstoned: return "tombstoned";
  }
  return {};
}

StreamState parse_stream_state(std::string_view word) {
  if (word == "live") return StreamState::kLive;
  return word == "deleted" ? StreamState::kDeleted : StreamState::kTombstoned;
}

}  // namespace penstock::store
