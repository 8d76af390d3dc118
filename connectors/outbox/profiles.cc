#include "connectors/outbox/profiles.h"

#include <algorithm>

#include "connectors/outbox/profiles/all.h"

namespace penstock::outbox {

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
    case Role::kHeaderNames: return "header_names";
    case Role::kHeaderValues: return "header_values";
  }
  return "?";
}

std::optional<Role> find_role(std::string_view word) {
  const auto found = std::find_if(kRoles.begin(), kRoles.end(), [&](Role role) { return to_string(role) == word; });
  return found == kRoles.end() ? std::nullopt : std::optional(*found);
}

bool is_required(Role role, NullKey null_key) {
  switch (role) {
    case Role::kId:
    case Role::kAggregateType:
    case Role::kType:
    case Role::kPayload: return true;
    case Role::kAggregateId: return null_key == NullKey::kRefuse;
    case Role::kOccurredAt:
    case Role::kContentType:
    case Role::kHeaders:
    case Role::kHeaderNames:
    case Role::kHeaderValues: return false;
  }
  return false;
}

std::span<const Profile* const> profiles() {
  static const Profile* const kAll[] = {&kDebezium, &kEventuate,  &kEventStoreRs, &kFactcast, &kGoharvest,
                                        &kCap,      &kOpenOutbox, &kModulith,     &kCustom};
  return kAll;
}

const Profile* find_profile(std::string_view name) {
  const auto all = profiles();
  const auto found = std::ranges::find(all, name, [](const Profile* profile) { return profile->name; });
  return found == all.end() ? nullptr : *found;
}

}  // namespace penstock::outbox
