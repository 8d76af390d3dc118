// Turns a batch of librdkafka's delivery reports into outcomes, and tells the topic's FirstContact which
// partition has acknowledged. Only for this room.
//
// A broker refuses batches, not records. Where it refused one of several records, nobody knows which
// it means: then all are retryable, and the batch is named, so that the next producer sends smaller
// ones until the record stands alone.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "connectors/kafka/handles.h"
#include "connectors/outcome.h"

namespace penstock::kafka {

struct RefusedBatch {
  enum class Because { kSize, kContent } because;
  std::size_t bytes;
  std::size_t records;
};

struct Deliveries {
  std::vector<connectors::DeliveryReport> reports;
  std::size_t delivered = 0;
  std::shared_ptr<const Error> failure;  // the first, if any
  std::optional<RefusedBatch> refused;
};

class DeliveryReader {
 public:
  // Valid until the next call. The messages' opaque pointers are their tickets.
  Deliveries& read(rd_kafka_event_t* event);
  Deliveries& read(const std::vector<const rd_kafka_message_t*>& batch);

 private:
  std::shared_ptr<const Error> error_for(const rd_kafka_message_t& message);

  std::vector<const rd_kafka_message_t*> batch_;
  Deliveries deliveries_;
  // One object for the many messages that fail alike, per topic; dropped with each batch.
  std::map<rd_kafka_resp_err_t, std::shared_ptr<const Error>> errors_;
};

}  // namespace penstock::kafka
