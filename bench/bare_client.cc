#include <iostream>

#include "bench/bare_producer.h"
#include "bench/commands.h"

namespace penstock::bench {

int run_bare_client(const Arguments& arguments) {
  const auto events = arguments.number("events"), keys = arguments.number("keys");
  const std::string payload(static_cast<std::size_t>(arguments.number("payload")), 'x');
  BareProducer producer(arguments.text("brokers"), arguments.text("topic"), arguments.number("linger"));
  BareRecord record{.type = "OrderPlaced", .content_type = "application/json", .value = payload};
  for (std::int64_t i = 0; i < events; ++i) {
    const std::string key = std::to_string(i % keys), stream = "order-" + key;
    std::array<std::uint8_t, 16> id{};
    for (std::size_t byte = 0; byte < 8; ++byte) id[15 - byte] = static_cast<std::uint8_t>(i >> (8 * byte));
    record.key = key;
    record.stream = stream;
    record.id = EventId(id);
    record.occurred_at = Timestamp(std::chrono::microseconds(1'770'000'000'000'000 + i));
    record.version = i / keys;
    record.position = i + 1;
    producer.produce(record);
  }
  producer.finish();
  std::cout << "{\"events\": " << events << "}\n";
  return 0;
}

}  // namespace penstock::bench
