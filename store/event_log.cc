#include "store/event_log.h"

#include <algorithm>

#include "core/json_text.h"
#include "store/event_tags.h"

namespace penstock::store {
namespace {

bool lists(const std::vector<std::string>& words, std::string_view word) {
  return words.empty() || std::find(words.begin(), words.end(), word) != words.end();
}

}  // namespace

Error removed_below(Position floor) {
  return Error(codes::kStoreRemoved, "the log begins at position " + std::to_string(floor.next().value) +
                                         ": what came before it was dropped");
}

bool LogFilter::admits(const Event& event) const {
  const auto has = [&](const MetadataMember& wanted) {
    return find_member(event.metadata, wanted.name) == wanted.text;
  };
  const auto has_tags = [&] {
    if (tags.empty()) return true;
    const std::vector<std::string> found = tags_of(event.metadata);
    return std::all_of(tags.begin(), tags.end(),
                       [&](const std::string& tag) { return std::binary_search(found.begin(), found.end(), tag); });
  };
  return lists(categories, event.category) && lists(types, event.type) && event.stream.starts_with(stream_prefix) &&
         has_tags() && std::all_of(metadata.begin(), metadata.end(), has);
}

}  // namespace penstock::store
