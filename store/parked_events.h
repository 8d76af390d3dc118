// What was set aside, with its reason: rows that a source could not make an event of, and events
// that a sink refuses. A row is written and committed before what it describes is settled.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "core/error.h"
#include "core/ids.h"

namespace penstock::store {

// How the row came here: waiting for an operator, or passed on record by on_reject = "skip".
enum class ParkedAs { kParked, kSkipped };

struct ParkedEvent {
  std::int64_t number = 0;  // given by the store; how an operator names the row
  ParkedAs as = ParkedAs::kParked;
  std::string route;
  std::string source;      // name of the source, "store" for the log
  std::string source_key;  // order value or position as text; not unique over time
  std::optional<EventId> event_id;
  std::optional<std::string> key;
  std::optional<Position> position;
  std::string code;     // name out of the table of codes
  std::string reason;   // for the operator; no payload
  std::string content;  // JSON: the whole row {column: text | {"base64": …}}, or the event
  // The row is too large to be copied: it stays in its table and must not be read again.
  enum class Kept { kWhole, kByReference } kept = Kept::kWhole;
  Timestamp parked_at{};  // given by the store
};

// SHA-256 of `content` (for a row kept by reference that is its key and length): with route, source
// and source_key it makes a row unique, so that parking the same thing again changes nothing.
std::array<std::uint8_t, 32> digest_of(const ParkedEvent& parked);

// Threads: any. Errors: those of every call (store/store.h).
class ParkedEvents {
 public:
  virtual ~ParkedEvents() = default;
  // All rows in one transaction, durable when it returns. A known row is left as it is.
  virtual Status park(const std::vector<ParkedEvent>& rows) = 0;
  // Rows with a number > after, ascending; `route` empty = of all routes. Content is left out.
  virtual Result<std::vector<ParkedEvent>> list(std::string_view route, std::int64_t after, std::size_t limit) = 0;
  virtual Result<std::optional<ParkedEvent>> find(std::int64_t number) = 0;
  // Keys of rows kept by reference: a source leaves them out of its scans.
  virtual Result<std::vector<std::string>> kept_by_reference(std::string_view route, std::string_view source) = 0;
  // `route` empty = of all routes.
  virtual Result<std::uint64_t> count(std::string_view route) = 0;
};

}  // namespace penstock::store
