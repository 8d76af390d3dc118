#include "bench/bare_producer.h"

#include <array>
#include <charconv>
#include <stdexcept>

namespace penstock::bench {
namespace {

constexpr int kPollEvery = 256;

void set(rd_kafka_conf_t* conf, const char* name, const std::string& value) {
  char reason[256];
  if (rd_kafka_conf_set(conf, name, value.c_str(), reason, sizeof reason) != RD_KAFKA_CONF_OK) {
    throw std::runtime_error(reason);
  }
}

void add(rd_kafka_headers_t* headers, std::string_view name, std::string_view value) {
  rd_kafka_header_add(headers, name.data(), static_cast<ssize_t>(name.size()), value.data(),
                      static_cast<ssize_t>(value.size()));
}

void add(rd_kafka_headers_t* headers, std::string_view name, std::int64_t number) {
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  add(headers, name, {digits, static_cast<std::size_t>(end - digits)});
}

rd_kafka_headers_t* headers_of(const BareRecord& record) {
  rd_kafka_headers_t* headers = rd_kafka_headers_new(12);
  char id[EventId::kTextLength], time[kTimestampTextLength];
  record.id.write_text(id);
  write_timestamp(record.occurred_at, time);
  add(headers, "id", {id, sizeof id});
  add(headers, "type", record.type);
  add(headers, "stream", record.stream);
  if (record.version) add(headers, "version", *record.version);
  if (record.position) add(headers, "position", *record.position);
  add(headers, "time", {time, sizeof time});
  add(headers, "content-type", record.content_type);
  if (!record.source_position.empty()) add(headers, "source-position", record.source_position);
  return headers;
}

}  // namespace

BareProducer::BareProducer(const std::string& brokers, const std::string& topic, std::int64_t linger_ms) {
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  set(conf, "bootstrap.servers", brokers);
  set(conf, "linger.ms", std::to_string(linger_ms));
  set(conf, "enable.idempotence", "true");
  set(conf, "acks", "all");
  set(conf, "message.timeout.ms", "0");
  set(conf, "socket.nagle.disable", "true");
  set(conf, "partitioner", "murmur2_random");
  rd_kafka_conf_set_dr_msg_cb(conf, count_delivery);
  rd_kafka_conf_set_opaque(conf, this);
  char reason[256];
  client_ = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof reason);
  if (client_ == nullptr) throw std::runtime_error(reason);
  topic_ = rd_kafka_topic_new(client_, topic.c_str(), nullptr);
}

BareProducer::~BareProducer() {
  rd_kafka_topic_destroy(topic_);
  rd_kafka_destroy(client_);
}

void BareProducer::count_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void* producer) {
  if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) ++static_cast<BareProducer*>(producer)->delivered_;
}

void BareProducer::produce(const BareRecord& record) {
  rd_kafka_headers_t* headers = headers_of(record);
  const auto milliseconds =
      std::chrono::floor<std::chrono::milliseconds>(record.occurred_at).time_since_epoch().count();
  std::array<rd_kafka_vu_t, 6> fields{};
  fields[0].vtype = RD_KAFKA_VTYPE_RKT;
  fields[0].u.rkt = topic_;
  fields[1].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
  fields[1].u.i = RD_KAFKA_MSG_F_COPY;
  fields[2].vtype = RD_KAFKA_VTYPE_KEY;
  fields[2].u.mem = {const_cast<char*>(record.key.data()), record.key.size()};
  fields[3].vtype = RD_KAFKA_VTYPE_VALUE;
  fields[3].u.mem = {const_cast<char*>(record.value.data()), record.value.size()};
  fields[4].vtype = RD_KAFKA_VTYPE_TIMESTAMP;
  fields[4].u.i64 = milliseconds;
  fields[5].vtype = RD_KAFKA_VTYPE_HEADERS;
  fields[5].u.headers = headers;
  while (rd_kafka_error_t* const failure = rd_kafka_produceva(client_, fields.data(), fields.size())) {
    const auto code = rd_kafka_error_code(failure);
    rd_kafka_error_destroy(failure);
    if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL) throw std::runtime_error(rd_kafka_err2str(code));
    rd_kafka_poll(client_, 10);
  }
  if (++produced_ % kPollEvery == 0) rd_kafka_poll(client_, 0);
}

void BareProducer::finish() {
  rd_kafka_flush(client_, 300'000);
  if (delivered_ != produced_) {
    throw std::runtime_error(std::to_string(produced_ - delivered_) + " records were not delivered");
  }
}

}  // namespace penstock::bench
