// The librdkafka configuration of a producer: our defaults, then the operator's options, then what a
// promise stands on. Only for this room.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "connectors/kafka/handles.h"
#include "connectors/kafka/kafka_settings.h"
#include "connectors/kind.h"

namespace penstock::kafka {

// How much goes into one batch of records; empty = as configured. Smaller after the broker refused a
// batch of several records, so that the record it means can be told.
struct BatchLimits {
  std::optional<int> bytes;
  std::optional<int> records;
  bool operator==(const BatchLimits&) const = default;
};

// Bytes that a record may have: one event and 64 KiB for its key and headers.
int record_limit(std::size_t event_bytes);

// Error: kafka.options_invalid.
Result<Conf> producer_conf(const KafkaSettings& settings, const connectors::SinkLimits& limits,
                           const BatchLimits& batches, const std::string& client_id);

// For looking only: no promise, same cluster, same credentials.
Result<Conf> viewer_conf(const KafkaSettings& settings);

}  // namespace penstock::kafka
