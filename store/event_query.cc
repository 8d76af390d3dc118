#include "store/event_query.h"

#include <algorithm>

#include "core/json_text.h"
#include "store/event_tags.h"

namespace penstock::store {
namespace {

bool is_one_of(std::string_view word, const std::vector<std::string>& words) {
  return words.empty() || std::find(words.begin(), words.end(), word) != words.end();
}

bool has_tags(const Event& event, const std::vector<std::string>& wanted) {
  if (wanted.empty()) return true;
  const std::vector<std::string> tags = tags_of(event.metadata);
  return std::all_of(wanted.begin(), wanted.end(),
                     [&](const std::string& tag) { return std::binary_search(tags.begin(), tags.end(), tag); });
}

}  // namespace

bool QueryItem::matches(const Event& event) const {
  return is_one_of(event.category, categories) && is_one_of(event.type, types) && has_tags(event, tags) &&
         std::all_of(metadata.begin(), metadata.end(),
                     [&](const auto& member) { return find_member(event.metadata, member.first) == member.second; });
}

bool EventQuery::matches(const Event& event) const {
  return items.empty() ||
         std::any_of(items.begin(), items.end(), [&](const QueryItem& item) { return item.matches(event); });
}

}  // namespace penstock::store
