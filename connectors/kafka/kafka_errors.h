// What each librdkafka error means for a message: the one table of this foreign vocabulary.
// Only for this room.
#pragma once

#include <librdkafka/rdkafka.h>

#include <string>

#include "connectors/outcome.h"
#include "core/error.h"

namespace penstock::kafka {

struct Verdict {
  connectors::Outcome outcome;
  const ErrorCode* code;  // null for kDelivered
};

// Errors that the table doesn't know are retryable: an event may be sent twice, never given up for an
// error that nobody understood.
Verdict verdict_on(rd_kafka_resp_err_t error);

// "<what>: <librdkafka's words>" under the verdict's code. Not for NO_ERROR.
Error error_of(rd_kafka_resp_err_t error, const std::string& what);

}  // namespace penstock::kafka
