// Which events somebody asks about: alternatives, each of which names what an event must have.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/event.h"

namespace penstock::store {

// An event matches when it has one of the categories, one of the types, all tags (store/event_tags.h) and
// all members of metadata. An empty list asks for nothing, so an empty item matches every event.
struct QueryItem {
  std::vector<std::string> categories, types, tags;
  // Name and value of top-level members; a value that is no text is compared as it is written.
  std::vector<std::pair<std::string, std::string>> metadata;

  bool matches(const Event& event) const;
};

// An event matches when it matches one of the items; without items every event does.
struct EventQuery {
  std::vector<QueryItem> items;

  bool matches(const Event& event) const;
};

}  // namespace penstock::store
