#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <memory>
#include <set>
#include <stdexcept>

#include "connectors/kafka/record_reader.h"
#include "tests/e2e/broker_ends.h"
#include "tests/support/kafka_topics.h"
#include "tests/support/servers.h"

namespace penstock::tests {
namespace {

constexpr std::chrono::milliseconds kQuiet{700};

struct Destroy {
  void operator()(rd_kafka_t* client) const { rd_kafka_destroy(client); }
};
using Client = std::unique_ptr<rd_kafka_t, Destroy>;

Client make_client(const std::string& brokers) {
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  char words[256];
  rd_kafka_conf_set(conf, "bootstrap.servers", brokers.c_str(), words, sizeof words);
  rd_kafka_conf_set(conf, "log_level", "0", words, sizeof words);
  rd_kafka_t* client = rd_kafka_new(RD_KAFKA_CONSUMER, conf, words, sizeof words);
  if (client == nullptr) throw std::runtime_error(words);
  return Client(client);
}

std::string header_of(const kafka::ReadRecord& record, std::string_view name) {
  const std::string* value = record.header(name);
  return value == nullptr ? "" : *value;
}

std::int64_t number_of(const std::string& text) { return text.empty() ? 0 : std::stoll(text); }

}  // namespace

KafkaEnd::KafkaEnd(std::string brokers, int partitions)
    : brokers_(std::move(brokers)), topic_(unique_name("e2e")), partitions_(partitions) {
  create_topic(brokers_, topic_, partitions_);
}

BrokerEnd::Lengths KafkaEnd::lengths() {
  const Client client = make_client(brokers_);
  Lengths lengths;
  for (int partition = 0; partition < partitions_; ++partition) {
    std::int64_t low = 0, high = 0;
    const rd_kafka_resp_err_t error =
        rd_kafka_query_watermark_offsets(client.get(), topic_.c_str(), partition, &low, &high, 20'000);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) throw std::runtime_error(rd_kafka_err2str(error));
    lengths.push_back(high);
  }
  return lengths;
}

std::vector<ArrivedEvent> KafkaEnd::read(const Enough& enough, std::chrono::seconds patience) {
  auto reader = kafka::RecordReader::open(brokers_, topic_, Deadline::in(std::chrono::seconds(20)));
  if (!reader) throw std::runtime_error(reader.error().describe());
  const Deadline deadline = Deadline::in(patience);
  std::vector<ArrivedEvent> arrived;
  std::set<std::string> different;
  bool more = true;
  while (more) {
    const bool done = enough(different.size()) || deadline.expired();
    std::vector<kafka::ReadRecord> records = (*reader)->read(Deadline::in(kQuiet));
    more = !done || !records.empty();
    for (kafka::ReadRecord& record : records) {
      different.insert(header_of(record, "id"));
      arrived.push_back({header_of(record, "id"), record.key.value_or(""), record.value.value_or(""),
                         number_of(header_of(record, "position")),
                         epoch_of(static_cast<std::size_t>(record.partition), record.offset)});
    }
  }
  // Partitions are read side by side: bring the epochs of all together, each partition in its order.
  std::stable_sort(arrived.begin(), arrived.end(),
                   [](const ArrivedEvent& a, const ArrivedEvent& b) { return a.epoch < b.epoch; });
  return arrived;
}

}  // namespace penstock::tests
