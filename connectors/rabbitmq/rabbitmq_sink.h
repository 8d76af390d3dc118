// RabbitMQ as a sink. Delivered = confirmed by the broker after it routed the message to at least one
// queue; how durable that is, the queue decides (see README.md).
//
// Messages are published mandatory and persistent on one channel, without waiting for confirms in
// between. A later message of a key can be delivered though an earlier one failed (a nack concerns
// one message), so later_may_pass is kYes.
// Threads: one for each opening, which owns the connection; outcomes come from there.
#pragma once

#include <memory>

#include "connectors/kind.h"
#include "connectors/rabbitmq/rabbitmq_settings.h"

namespace penstock::rabbitmq {

// Lives for the whole program.
const connectors::SinkKind& sink_kind();

// What the surroundings hold and `listener` outlive the sink.
std::unique_ptr<connectors::Sink> make_rabbitmq_sink(RabbitSettings settings, const connectors::SinkRoute& route,
                                                     const connectors::Surroundings& surroundings,
                                                     connectors::OutcomeListener& listener);

}  // namespace penstock::rabbitmq
