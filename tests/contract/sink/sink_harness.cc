#include "tests/contract/sink/sink_harness.h"

#include "core/random.h"

namespace penstock::tests {

EventRef event_for(const std::string& key, std::int64_t number, std::optional<std::string> data) {
  static const SystemClock clock;
  static SystemRandom random;
  const std::string stream = "order-" + key;
  Event event;
  event.id = make_event_id(clock, random);
  event.stream = stream;
  event.category = "order";
  event.type = "OrderPlaced";
  event.key = key;
  event.version = Version{number};
  event.position = Position{number + 1};
  event.occurred_at = Timestamp(std::chrono::microseconds(1'770'000'000'000'000 + number));
  event.recorded_at = event.occurred_at;
  event.content_type = "application/octet-stream";
  if (data) event.data = *data;
  return make_event(event);
}

}  // namespace penstock::tests
