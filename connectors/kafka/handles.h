// librdkafka's objects, each freed by its own call. Only for this room.
#pragma once

#include <librdkafka/rdkafka.h>

#include <array>
#include <memory>
#include <string>

#include "core/error.h"

namespace penstock::kafka {

template <auto Free>
struct FreedBy {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};

using Handle = std::unique_ptr<rd_kafka_t, FreedBy<rd_kafka_destroy>>;
using Queue = std::unique_ptr<rd_kafka_queue_t, FreedBy<rd_kafka_queue_destroy>>;
using Topic = std::unique_ptr<rd_kafka_topic_t, FreedBy<rd_kafka_topic_destroy>>;
using Headers = std::unique_ptr<rd_kafka_headers_t, FreedBy<rd_kafka_headers_destroy>>;
using ForeignError = std::unique_ptr<rd_kafka_error_t, FreedBy<rd_kafka_error_destroy>>;
using Metadata = std::unique_ptr<const struct rd_kafka_metadata, FreedBy<rd_kafka_metadata_destroy>>;
using Partitions = std::unique_ptr<rd_kafka_topic_partition_list_t, FreedBy<rd_kafka_topic_partition_list_destroy>>;
using EventHandle = std::unique_ptr<rd_kafka_event_t, FreedBy<rd_kafka_event_destroy>>;
using Conf = std::unique_ptr<rd_kafka_conf_t, FreedBy<rd_kafka_conf_destroy>>;

// Takes the configuration along, also when it fails. Error: kafka.options_invalid with the reason.
Result<Handle> new_client(rd_kafka_type_t type, Conf conf);

// Sets a property whose name and value are our own.
void set_own(rd_kafka_conf_t* conf, const char* name, const std::string& value);

}  // namespace penstock::kafka
