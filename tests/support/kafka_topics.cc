#include "tests/support/kafka_topics.h"

#include <librdkafka/rdkafka.h>

#include <functional>
#include <memory>
#include <stdexcept>

namespace penstock::tests {
namespace {

constexpr int kPatienceMs = 30'000;

struct Client {
  explicit Client(const std::string& brokers) {
    char reason[256];
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", brokers.c_str(), reason, sizeof reason);
    handle = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof reason);
    if (handle == nullptr) throw std::runtime_error(reason);
    answers = rd_kafka_queue_new(handle);
  }
  ~Client() {
    rd_kafka_queue_destroy(answers);
    rd_kafka_destroy(handle);
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Hands the answer to `results`, which counts and returns them.
  void wait(const std::function<const rd_kafka_topic_result_t**(rd_kafka_event_t*, std::size_t*)>& results) const {
    rd_kafka_event_t* event = rd_kafka_queue_poll(answers, kPatienceMs);
    if (event == nullptr) throw std::runtime_error("no answer from Kafka");
    std::string error =
        rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR ? rd_kafka_event_error_string(event) : "";
    std::size_t count = 0;
    const auto** all = error.empty() ? results(event, &count) : nullptr;
    for (std::size_t i = 0; i < count; ++i) {
      if (rd_kafka_topic_result_error(all[i]) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        error = rd_kafka_err2str(rd_kafka_topic_result_error(all[i]));
      }
    }
    rd_kafka_event_destroy(event);
    if (!error.empty()) throw std::runtime_error(error);
  }

  rd_kafka_t* handle = nullptr;
  rd_kafka_queue_t* answers = nullptr;
};

}  // namespace

void create_topic(const std::string& brokers, const std::string& topic, int partitions,
                  const std::map<std::string, std::string>& configs) {
  const Client client(brokers);
  char reason[256];
  rd_kafka_NewTopic_t* wanted = rd_kafka_NewTopic_new(topic.c_str(), partitions, 1, reason, sizeof reason);
  if (wanted == nullptr) throw std::runtime_error(reason);
  for (const auto& [name, value] : configs) rd_kafka_NewTopic_set_config(wanted, name.c_str(), value.c_str());
  rd_kafka_CreateTopics(client.handle, &wanted, 1, nullptr, client.answers);
  rd_kafka_NewTopic_destroy(wanted);
  client.wait([](rd_kafka_event_t* event, std::size_t* count) {
    return rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), count);
  });
}

void delete_topic(const std::string& brokers, const std::string& topic) {
  const Client client(brokers);
  rd_kafka_DeleteTopic_t* unwanted = rd_kafka_DeleteTopic_new(topic.c_str());
  rd_kafka_DeleteTopics(client.handle, &unwanted, 1, nullptr, client.answers);
  rd_kafka_DeleteTopic_destroy(unwanted);
  client.wait([](rd_kafka_event_t* event, std::size_t* count) {
    return rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event), count);
  });
}

}  // namespace penstock::tests
