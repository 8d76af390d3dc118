#include "store/postgres/runtime_rights.h"

#include <algorithm>

namespace penstock::store::postgres {

std::string on_tables(const Schema& schema, std::string_view tables) {
  constexpr std::string_view kBetween = ", ";
  std::string all;
  for (std::size_t at = 0; at <= tables.size();) {
    const std::size_t end = std::min(tables.find(kBetween, at), tables.size());
    if (!all.empty()) all += kBetween;
    all += schema.expand("@schema@." + std::string(tables.substr(at, end - at)));
    at = end + kBetween.size();
  }
  return all;
}

}  // namespace penstock::store::postgres
