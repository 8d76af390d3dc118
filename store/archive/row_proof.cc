#include "store/archive/row_proof.h"

namespace penstock::store::archive {
namespace {

constexpr std::size_t kMostBytes = 64 << 20;
// Of a stream beside its name and its category: two nodes, and what they are found by.
constexpr std::size_t kStreamBytes = 200;

Status check_limits(const LogRow& row, const AppendLimits& limits) {
  Event event = row.event;
  if (row.is_stub()) event.type = "stub";  // of a stub only the names are looked at
  AppendRequest request;
  request.events.emplace_back(std::shared_ptr<const void>(), &event);
  return check_append(request, limits);
}

}  // namespace

// Behind a position a stream may begin with any version, as behind a floor.
RowProof::RowProof(const Header& header, const AppendLimits& limits)
    : limits_(limits), facts_{header.after, header.after, Timestamp::min(), {}} {}

Status RowProof::admit(const LogRow& row) {
  if (auto checked = check_limits(row, limits_); !checked) return checked;
  const auto plan = plan_load(std::span(&row, 1), facts_);
  const auto known = facts_.streams.find(row.event.stream);
  const bool is_forgotten = known == facts_.streams.end() && bytes_ >= kMostBytes;
  if (!plan && !is_forgotten) return fail(plan.error());
  facts_.head = *row.event.position;
  if (!row.is_stub()) facts_.recorded_at = *row.event.recorded_at;
  if (is_forgotten) return {};
  const StreamAfterLoad& stream = plan->streams.front();
  if (known != facts_.streams.end()) {
    known->second.last_version = stream.last_version;
    return {};
  }
  bytes_ += kStreamBytes + stream.name.size() + stream.category.size();
  const std::string& name = names_.emplace_back(stream.name);
  facts_.streams[name] = {std::string(stream.category), stream.last_version, stream.scavenged_before};
  return {};
}

}  // namespace penstock::store::archive
