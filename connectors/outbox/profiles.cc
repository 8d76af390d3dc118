#include "connectors/outbox/profiles.h"

#include <algorithm>

namespace penstock::outbox {
namespace {

// Debezium's documentation, "Outbox Event Router", basic outbox table.
constexpr ProfileColumn kDebeziumColumns[] = {
    {Role::kId, "id"},
    {Role::kAggregateType, "aggregatetype"},
    {Role::kAggregateId, "aggregateid"},
    {Role::kType, "type"},
    {Role::kPayload, "payload"},
};

constexpr Profile kProfiles[] = {
    {"debezium", kDebeziumColumns, IdKind::kUuid, TextPayload::kJson},
    {"custom", {}, IdKind::kUuid, TextPayload::kPlain},
};

}  // namespace

std::string_view to_string(Role role) {
  switch (role) {
    case Role::kId: return "id";
    case Role::kAggregateType: return "aggregate_type";
    case Role::kAggregateId: return "aggregate_id";
    case Role::kType: return "type";
    case Role::kPayload: return "payload";
    case Role::kOccurredAt: return "occurred_at";
    case Role::kContentType: return "content_type";
    case Role::kHeaders: return "headers";
  }
  return "?";
}

std::optional<Role> find_role(std::string_view word) {
  const auto found = std::find_if(kRoles.begin(), kRoles.end(), [&](Role role) { return to_string(role) == word; });
  return found == kRoles.end() ? std::nullopt : std::optional(*found);
}

bool is_required(Role role) {
  return role != Role::kOccurredAt && role != Role::kContentType && role != Role::kHeaders;
}

std::span<const Profile> profiles() { return kProfiles; }

const Profile* find_profile(std::string_view name) {
  const auto* found = std::find_if(std::begin(kProfiles), std::end(kProfiles),
                                   [&](const Profile& profile) { return profile.name == name; });
  return found == std::end(kProfiles) ? nullptr : found;
}

}  // namespace penstock::outbox
