// Kafka as a sink. Delivered = acknowledged by all in-sync replicas.
//
// An idempotent producer that leaves no gap: what was submitted later on a key is never delivered
// though something earlier failed. Any failure therefore ends the producer; what is out is reported,
// and the next open() makes a new one.
#pragma once

#include <memory>

#include "connectors/kafka/kafka_settings.h"
#include "connectors/kind.h"

namespace penstock::kafka {

// Lives for the whole program.
const connectors::SinkKind& sink_kind();

// What the surroundings hold and `listener` outlive the sink.
std::unique_ptr<connectors::Sink> make_kafka_sink(KafkaSettings settings, const connectors::SinkRoute& route,
                                                  const connectors::Surroundings& surroundings,
                                                  connectors::OutcomeListener& listener);

}  // namespace penstock::kafka
