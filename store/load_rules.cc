#include "store/load_rules.h"

namespace penstock::store {
namespace {

tl::unexpected<Error> refuse(const LogRow& row, const std::string& words) {
  return fail(codes::kStoreInvalidRequest, "position " + std::to_string(row.event.position->value) + ": " + words);
}

std::string quoted(std::string_view stream) { return "stream \"" + std::string(stream) + "\""; }

bool is_tombstoned(std::string_view stream, const LoadFacts& facts) {
  const auto stored = facts.streams.find(stream);
  return stored != facts.streams.end() && stored->second.state == StreamState::kTombstoned;
}

StreamAfterLoad begin_stream(const Event& event, const LoadFacts& facts) {
  const auto stored = facts.streams.find(event.stream);
  // Behind a floor, what came before was dropped.
  const Version first = facts.floor > Position{0} ? *event.version : Version{0};
  if (stored == facts.streams.end())
    return {event.stream, event.category, Version{first.value - 1}, first, StreamAfterLoad::Was::kNew};
  const LoadedStream& known = stored->second;
  return {event.stream, known.category, known.last_version, known.scavenged_before, StreamAfterLoad::Was::kKnown};
}

}  // namespace

Result<LoadPlan> plan_load(std::span<const LogRow> rows, const LoadFacts& facts) {
  LoadPlan plan{{}, facts.head, facts.recorded_at, 0};
  std::unordered_map<std::string_view, std::size_t> touched;  // index into plan.streams
  for (const LogRow& row : rows) {
    const Event& event = row.event;
    if (*event.position != plan.head.next())
      return refuse(row, "the head is " + std::to_string(plan.head.value) + ", the next position is missing");
    const auto [at, is_first] = touched.try_emplace(event.stream, plan.streams.size());
    if (is_first) plan.streams.push_back(begin_stream(event, facts));
    StreamAfterLoad& stream = plan.streams[at->second];
    if (is_first && is_tombstoned(event.stream, facts))
      return fail(codes::kStoreOtherEvents, "position " + std::to_string(event.position->value) +
                                                ": the store has a tombstone for " + quoted(event.stream) +
                                                ", which the archive goes on with");
    if (event.category != stream.category)
      return refuse(row, quoted(event.stream) + " has category \"" + std::string(stream.category) + "\"");
    if (*event.version != stream.last_version.next())
      return refuse(row, quoted(event.stream) + " goes on with version " +
                             std::to_string(stream.last_version.next().value) + ", not " +
                             std::to_string(event.version->value));
    if (!row.is_stub() && *event.recorded_at < plan.recorded_at)
      return refuse(row, "it was recorded before the event that stands before it");
    if (!row.is_stub()) plan.recorded_at = *event.recorded_at;
    stream.last_version = *event.version;
    if (row.is_stub() && *event.version == stream.scavenged_before) stream.scavenged_before = event.version->next();
    plan.stubs += row.is_stub() ? 1 : 0;
    plan.head = *event.position;
  }
  return plan;
}

}  // namespace penstock::store
