#include "store/event_tags.h"

#include <algorithm>

#include "core/json_text.h"

namespace penstock::store {
namespace {

// Nearly all events have none, and reading the whole metadata to learn that would cost each of them.
bool may_name_tags(std::string_view metadata) {
  constexpr std::string_view kEscape = "\\u";  // the name may be written with escapes
  return metadata.find(kTagsMember) != std::string_view::npos || metadata.find(kEscape) != std::string_view::npos;
}

}  // namespace

std::vector<std::string> tags_of(std::string_view metadata) {
  if (!may_name_tags(metadata)) return {};
  std::vector<std::string> tags = find_texts(metadata, kTagsMember);
  std::sort(tags.begin(), tags.end());
  tags.erase(std::unique(tags.begin(), tags.end()), tags.end());
  if (!tags.empty() && tags.front().empty()) tags.erase(tags.begin());
  return tags;
}

}  // namespace penstock::store
