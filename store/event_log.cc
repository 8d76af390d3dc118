#include "store/event_log.h"

#include <algorithm>

namespace penstock::store {
namespace {

bool lists(const std::vector<std::string>& words, std::string_view word) {
  return words.empty() || std::find(words.begin(), words.end(), word) != words.end();
}

}  // namespace

bool LogFilter::admits(const Event& event) const {
  return lists(categories, event.category) && lists(types, event.type);
}

}  // namespace penstock::store
