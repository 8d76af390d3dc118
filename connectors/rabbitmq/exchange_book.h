// Which exchanges are known to be there. A publish to a missing one would close the channel and
// everything on it, so each is looked for, once, before the first publish to it. Single-threaded.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/error.h"

namespace penstock::rabbitmq {

class ExchangeBook {
 public:
  using Time = std::chrono::steady_clock::time_point;

  enum class Known { kUnknown, kThere, kMissing };
  // kMissing turns into kUnknown after a second: it may have been declared since.
  Known find(std::string_view exchange, Time now) const;
  // Of a missing one.
  std::shared_ptr<const Error> why_missing(std::string_view exchange) const;

  void found(std::string_view exchange);
  void missed(std::string_view exchange, Error why, Time now);

 private:
  struct Entry {
    std::shared_ptr<const Error> missing;  // null: it is there
    Time until;
  };
  void put(std::string_view exchange, Entry entry);

  std::map<std::string, Entry, std::less<>> entries_;
};

}  // namespace penstock::rabbitmq
