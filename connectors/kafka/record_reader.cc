#include "connectors/kafka/record_reader.h"

#include <algorithm>

#include "connectors/kafka/handles.h"

namespace penstock::kafka {
namespace {

constexpr int kMetadataSliceMs = 500;

void drop_log(const rd_kafka_t*, int, const char*, const char*) {}

std::optional<std::string> bytes_of(const void* bytes, std::size_t size) {
  if (bytes == nullptr) return std::nullopt;
  return std::string(static_cast<const char*>(bytes), size);
}

ReadRecord record_of(const rd_kafka_message_t& message) {
  ReadRecord record;
  record.topic = rd_kafka_topic_name(message.rkt);
  record.partition = message.partition;
  record.offset = message.offset;
  record.key = bytes_of(message.key, message.key_len);
  record.value = bytes_of(message.payload, message.len);
  rd_kafka_timestamp_type_t type{};
  record.timestamp_ms = rd_kafka_message_timestamp(&message, &type);

  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return record;
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  for (std::size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
       ++i) {
    record.headers.emplace_back(name, bytes_of(value, size).value_or(""));
  }
  return record;
}

// Number of partitions once the topic is there; the error of the last try at the deadline.
Result<int> wait_for_partitions(rd_kafka_t* client, const std::string& topic, Deadline deadline) {
  const Topic handle(rd_kafka_topic_new(client, topic.c_str(), nullptr));
  for (;;) {
    const auto wait = std::min<std::int64_t>(deadline.remaining().count(), kMetadataSliceMs);
    const struct rd_kafka_metadata* found = nullptr;
    const auto error =
        rd_kafka_metadata(client, 0, handle.get(), &found, static_cast<int>(std::max<std::int64_t>(wait, 1)));
    const Metadata metadata(found);
    if (metadata && metadata->topic_cnt == 1 && metadata->topics[0].partition_cnt > 0) {
      return metadata->topics[0].partition_cnt;
    }
    if (!deadline.expired()) continue;
    if (!metadata) return fail(codes::kKafkaUnavailable, std::string("no metadata: ") + rd_kafka_err2str(error));
    return fail(codes::kKafkaUnknownTopic, "topic " + topic + " does not exist");
  }
}

}  // namespace

const std::string* ReadRecord::header(std::string_view name) const {
  const auto found = std::find_if(headers.begin(), headers.end(), [&](const auto& h) { return h.first == name; });
  return found == headers.end() ? nullptr : &found->second;
}

struct RecordReader::Consumer {
  Handle client;
  Queue queue;
};

Result<std::unique_ptr<RecordReader>> RecordReader::open(const std::string& brokers, const std::string& topic,
                                                         Deadline deadline) {
  Conf conf(rd_kafka_conf_new());
  rd_kafka_conf_set_log_cb(conf.get(), drop_log);
  set_own(conf.get(), "bootstrap.servers", brokers);
  set_own(conf.get(), "group.id", "penstock-reader");  // required by assign(); joins no group
  set_own(conf.get(), "enable.auto.commit", "false");
  set_own(conf.get(), "auto.offset.reset", "earliest");
  set_own(conf.get(), "allow.auto.create.topics", "false");
  set_own(conf.get(), "fetch.wait.max.ms", "50");
  set_own(conf.get(), "fetch.error.backoff.ms", "50");
  set_own(conf.get(), "reconnect.backoff.max.ms", "500");
  auto client = new_client(RD_KAFKA_CONSUMER, std::move(conf));
  if (!client) return fail(std::move(client.error()));

  auto partitions = wait_for_partitions(client->get(), topic, deadline);
  if (!partitions) return fail(std::move(partitions.error()));

  const Partitions assigned(rd_kafka_topic_partition_list_new(*partitions));
  for (int i = 0; i < *partitions; ++i) {
    rd_kafka_topic_partition_list_add(assigned.get(), topic.c_str(), i)->offset = RD_KAFKA_OFFSET_BEGINNING;
  }
  rd_kafka_poll_set_consumer(client->get());
  if (const auto error = rd_kafka_assign(client->get(), assigned.get()); error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return fail(codes::kKafkaUnavailable, std::string("partitions can't be assigned: ") + rd_kafka_err2str(error));
  }
  auto consumer = std::make_unique<Consumer>();
  consumer->queue.reset(rd_kafka_queue_get_consumer(client->get()));
  consumer->client = std::move(*client);
  return std::unique_ptr<RecordReader>(new RecordReader(std::move(consumer), *partitions));
}

RecordReader::RecordReader(std::unique_ptr<Consumer> consumer, int partitions)
    : consumer_(std::move(consumer)), partitions_(partitions) {}

RecordReader::~RecordReader() {
  consumer_->queue.reset();
  rd_kafka_consumer_close(consumer_->client.get());
}

std::vector<ReadRecord> RecordReader::read(Deadline deadline, std::size_t limit) {
  std::vector<ReadRecord> records;
  while (records.size() < limit) {
    const auto wait = records.empty() ? std::max<std::int64_t>(deadline.remaining().count(), 0) : 0;
    rd_kafka_message_t* message = rd_kafka_consumer_poll(consumer_->client.get(), static_cast<int>(wait));
    if (message == nullptr) break;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) records.push_back(record_of(*message));
    rd_kafka_message_destroy(message);
  }
  return records;
}

}  // namespace penstock::kafka
