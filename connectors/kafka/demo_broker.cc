#include "connectors/kafka/demo_broker.h"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <cstdint>
#include <vector>

#include "connectors/kafka/handles.h"

namespace penstock::kafka {
namespace {

constexpr std::int16_t kProduceRequest = 0;  // ApiKey of the Kafka protocol

void drop_log(const rd_kafka_t*, int, const char*, const char*) {}

}  // namespace

struct DemoBroker::Cluster {
  Handle host;  // a client that carries the cluster's thread; it connects to nothing
  std::unique_ptr<rd_kafka_mock_cluster_t, FreedBy<rd_kafka_mock_cluster_destroy>> mock;
  int brokers = 0;
};

Result<std::unique_ptr<DemoBroker>> DemoBroker::start(int brokers) {
  Conf conf(rd_kafka_conf_new());
  rd_kafka_conf_set_log_cb(conf.get(), drop_log);
  auto host = new_client(RD_KAFKA_PRODUCER, std::move(conf));
  if (!host) return fail(std::move(host.error()));

  auto cluster = std::make_unique<Cluster>();
  cluster->host = std::move(*host);
  cluster->brokers = brokers;
  cluster->mock.reset(rd_kafka_mock_cluster_new(cluster->host.get(), brokers));
  if (!cluster->mock) return fail(codes::kKafkaUnavailable, "the demo broker can't listen on 127.0.0.1");
  std::string address = rd_kafka_mock_cluster_bootstraps(cluster->mock.get());
  return std::unique_ptr<DemoBroker>(new DemoBroker(std::move(cluster), std::move(address)));
}

DemoBroker::DemoBroker(std::unique_ptr<Cluster> cluster, std::string address)
    : cluster_(std::move(cluster)), address_(std::move(address)) {}

DemoBroker::~DemoBroker() = default;

Status DemoBroker::create_topic(const std::string& topic, int partitions) {
  const auto error = rd_kafka_mock_topic_create(cluster_->mock.get(), topic.c_str(), partitions, 1);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return fail(codes::kKafkaRejected, "the demo broker refuses topic " + topic + ": " + rd_kafka_err2str(error));
  }
  return {};
}

void DemoBroker::set_down() {
  for (int id = 1; id <= cluster_->brokers; ++id) rd_kafka_mock_broker_set_down(cluster_->mock.get(), id);
}

void DemoBroker::set_up() {
  for (int id = 1; id <= cluster_->brokers; ++id) rd_kafka_mock_broker_set_up(cluster_->mock.get(), id);
}

void DemoBroker::set_delay(int milliseconds) {
  for (int id = 1; id <= cluster_->brokers; ++id) {
    rd_kafka_mock_broker_set_rtt(cluster_->mock.get(), id, milliseconds);
  }
}

void DemoBroker::fail_next_produces(std::initializer_list<int> errors) {
  std::vector<rd_kafka_resp_err_t> answers;
  for (const int error : errors) answers.push_back(static_cast<rd_kafka_resp_err_t>(error));
  rd_kafka_mock_push_request_errors_array(cluster_->mock.get(), kProduceRequest, answers.size(), answers.data());
}

}  // namespace penstock::kafka
