// How a message looks as a Kafka record. Only for this room.
#pragma once

#include <cstdint>

#include "connectors/kafka/handles.h"
#include "connectors/message.h"

namespace penstock::kafka {

// What is given to librdkafka beside the headers. A null pointer is a null key or value; an empty one
// is not null.
struct RecordParts {
  const void* key;
  std::size_t key_bytes;
  const void* value;
  std::size_t value_bytes;
  std::int64_t timestamp_ms;  // 0 = the client's time
};

// Views into the message.
RecordParts parts_of(const connectors::Message& message);

// Numbers and truth values become text: Kafka's headers are bytes.
Headers headers_of(const connectors::Message& message);

}  // namespace penstock::kafka
