#include "connectors/kafka/producer_conf.h"

#include <algorithm>
#include <array>
#include <limits>

namespace penstock::kafka {
namespace {

constexpr std::size_t kRoomForHeaders = 64 << 10;
constexpr std::size_t kLargestRecord = 1'000'000'000;  // librdkafka's own limit
constexpr std::size_t kSmallestQueue = 64 << 20;
constexpr std::size_t kKilobyte = 1 << 10;

// Good for latency; an operator may choose otherwise.
void set_defaults(rd_kafka_conf_t* conf, const std::string& client_id) {
  set_own(conf, "client.id", client_id);
  set_own(conf, "linger.ms", "5");
  set_own(conf, "socket.nagle.disable", "true");
  // How long an unknown topic is taken for one that is just being created.
  set_own(conf, "topic.metadata.propagation.max.ms", "5000");
}

Status set_options(rd_kafka_conf_t* conf, const KafkaSettings& settings) {
  for (const auto& [name, value] : settings.options) {
    std::array<char, 512> reason{};
    if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), reason.data(), reason.size()) != RD_KAFKA_CONF_OK) {
      return fail(codes::kKafkaOptionsInvalid, name + ": " + (is_secret_property(name) ? "refused" : reason.data()));
    }
  }
  return {};
}

// Order, no gap, no event given up, a broker found again within seconds.
void set_promises(rd_kafka_conf_t* conf) {
  set_own(conf, "enable.idempotence", "true");
  set_own(conf, "enable.gapless.guarantee", "true");
  set_own(conf, "request.required.acks", "-1");
  set_own(conf, "message.timeout.ms", "0");
  set_own(conf, "reconnect.backoff.max.ms", "2000");
  set_own(conf, "partitioner", "murmur2_random");
}

// The route's window bounds memory. These lie well above it: librdkafka counts values only, and a
// refusal for want of room here would not be followed by an outcome.
void set_queue_bounds(rd_kafka_conf_t* conf, const connectors::SinkLimits& limits) {
  constexpr std::size_t kMost = std::numeric_limits<int>::max();
  const std::size_t bytes = std::max(kSmallestQueue, 2 * (limits.window_bytes + limits.event_bytes));
  set_own(conf, "queue.buffering.max.kbytes", std::to_string(std::min(bytes / kKilobyte, kMost)));
  set_own(conf, "queue.buffering.max.messages", "10000000");
}

}  // namespace

int record_limit(std::size_t event_bytes) {
  return static_cast<int>(std::min(event_bytes + kRoomForHeaders, kLargestRecord));
}

Result<Conf> producer_conf(const KafkaSettings& settings, const connectors::SinkLimits& limits,
                           const BatchLimits& batches, const std::string& client_id) {
  Conf conf(rd_kafka_conf_new());
  set_defaults(conf.get(), client_id);
  if (auto set = set_options(conf.get(), settings); !set) return fail(std::move(set.error()));
  set_promises(conf.get());
  set_queue_bounds(conf.get(), limits);
  set_own(conf.get(), "bootstrap.servers", settings.brokers);
  set_own(conf.get(), "message.max.bytes", std::to_string(record_limit(limits.event_bytes)));
  set_own(conf.get(), "log.queue", "true");
  if (batches.bytes) set_own(conf.get(), "batch.size", std::to_string(*batches.bytes));
  if (batches.records) set_own(conf.get(), "batch.num.messages", std::to_string(*batches.records));
  return conf;
}

Result<Conf> viewer_conf(const KafkaSettings& settings) {
  Conf conf(rd_kafka_conf_new());
  if (auto set = set_options(conf.get(), settings); !set) return fail(std::move(set.error()));
  set_own(conf.get(), "bootstrap.servers", settings.brokers);
  set_own(conf.get(), "log.queue", "true");
  return conf;
}

}  // namespace penstock::kafka
