// Events that were handed out and are gone, or can't be delivered: on record until an operator has
// looked at them.
//
// Threads: any. A record is durable when record() returns; it is never taken away, only acknowledged.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "core/error.h"
#include "core/ids.h"

namespace penstock::store {

// Stands for a route where the events were acknowledged to clients that append. No route has this name.
inline constexpr std::string_view kClients = "(clients)";

// The most events that a record names; those of a longer range are the first ones of it.
inline constexpr std::size_t kMostNamed = 20'000;

struct GapRecord {
  std::int64_t number = 0;  // given by the store; how an operator names it
  // Whose it is: a route and a source may have the same name.
  enum class Of { kRoute, kSource } of = Of::kRoute;
  std::string route;            // or the source, or kClients
  std::string reason;           // name out of the table of codes
  Position from, to;            // the first and the last position that is concerned
  std::vector<EventId> events;  // by position
  Timestamp recorded_at{};      // given by the store
  std::string acknowledged_by;  // empty: open
};

class Gaps {
 public:
  virtual ~Gaps() = default;

  // Answers the number. One that is there already, events included, is left as it is.
  virtual Result<std::int64_t> record(const GapRecord& gap) = 0;
  // Those with a number > after, ascending.
  virtual Result<std::vector<GapRecord>> list(std::int64_t after, std::size_t limit) = 0;
  virtual Result<std::optional<GapRecord>> find(std::int64_t number) = 0;
  // The first of the route, not of a source of its name, that nobody has acknowledged.
  virtual Result<std::optional<GapRecord>> find_open(std::string_view route) = 0;
  // One that was acknowledged before keeps its name. Error: store.no_such_gap.
  virtual Status acknowledge(std::int64_t number, std::string_view by) = 0;
};

// Hands over one record after the other, in the order of their numbers, and asks for a page at a time. An error that
// `visit` answers ends it.
enum class VisitGaps { kGoOn, kEnough };
Status visit_gaps(Gaps& gaps, const std::function<Result<VisitGaps>(GapRecord&)>& visit);

// The last record of what drops of the log took from a route (store/dropping.h), if they hold all behind `after` and up
// to `until`; nullopt where something is on no record.
Result<std::optional<GapRecord>> find_dropped(Gaps& gaps, std::string_view route, Position after, Position until);

// "route" or "source".
std::string_view to_string(GapRecord::Of of);
GapRecord::Of parse_gap_kind(std::string_view word);  // an unknown one is a route's, which then waits

// "gap 3: 20 events at positions 51 to 70 are gone"
std::string describe(const GapRecord& gap);

// Ids as one text, a line each: how the databases keep them.
std::string join_ids(const std::vector<EventId>& ids);
std::vector<EventId> split_ids(std::string_view text);

}  // namespace penstock::store
