// What an operator chose for one route, typed and checked. Made by cli/ from the configuration.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>

#include "connectors/kind.h"
#include "core/ids.h"
#include "store/event_log.h"

namespace penstock::relay {

// What happens to an event that the sink refuses for good.
enum class OnReject { kStop, kParkEvent, kSkip };

// kStrict: one unsettled message a key, where the sink says that a later one may pass.
enum class Order { kStrict, kPipelined };

struct Earliest {};
struct Latest {};
using Start = std::variant<Earliest, Latest, Position>;  // for a new checkpoint only

struct RetrySettings {
  std::chrono::milliseconds min{100};
  std::chrono::milliseconds max{5'000};
};

struct RouteSettings {
  std::string name;
  std::string from;  // name of a source, or "store"
  std::string to;    // name of a sink, or "store"
  store::LogFilter filter;
  connectors::RouteTemplates templates;
  std::map<std::string, std::string> headers;  // name → template
  Start start = Earliest{};
  Order order = Order::kStrict;
  OnReject on_reject = OnReject::kStop;
  std::uint32_t attempts = 3;  // of an event that the program may have crashed of
  RetrySettings retry;
  std::size_t max_in_flight = 5'000;
  std::size_t max_in_flight_bytes = 16 << 20;
  std::string renamed_from;
};

}  // namespace penstock::relay
