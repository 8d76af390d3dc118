#include "bench/latency_ends.h"

#include <stdexcept>

#include "bench/bare_producer.h"
#include "bench/postgres.h"
#include "bench/wal/bare_stream.h"
#include "connectors/kafka/record_reader.h"
#include "connectors/wal/pgoutput.h"

namespace penstock::bench {
namespace {

constexpr std::chrono::seconds kPatience{20};

class CommittedRows final : public Writer {
 public:
  CommittedRows(const std::string& url, const std::string& table) : connection_(connect(url)) {
    const std::string insert = "INSERT INTO " + table +
                               " (id, aggregatetype, aggregateid, type, payload) VALUES"
                               " (gen_random_uuid(), 'order', $1, 'OrderPlaced', $2::jsonb)";
    checked(connection_.get(), PQprepare(connection_.get(), "put", insert.c_str(), 2, nullptr), PGRES_COMMAND_OK);
  }

  void write(const std::string& key, const std::string& payload) override {
    const char* values[] = {key.c_str(), payload.c_str()};
    checked(connection_.get(), PQexecPrepared(connection_.get(), "put", 2, values, nullptr, nullptr, 0),
            PGRES_COMMAND_OK);
  }

 private:
  const Connection connection_;
};

// Sent at once, as the sink does while little is on its way.
class ProducedRecords final : public Writer {
 public:
  ProducedRecords(const std::string& brokers, const std::string& topic) : producer_(brokers, topic, 0) {}
  ~ProducedRecords() override { producer_.finish(); }

  void write(const std::string& key, const std::string& payload) override {
    producer_.produce({.key = key,
                       .type = "OrderPlaced",
                       .stream = "order",
                       .content_type = "application/json",
                       .value = payload,
                       .id = {},
                       .occurred_at = {},
                       .version = {},
                       .position = {},
                       .source_position = {}});
  }

 private:
  BareProducer producer_;
};

class ConsumedRecords final : public Arrivals {
 public:
  ConsumedRecords(const std::string& brokers, const std::string& topic) {
    auto reader = kafka::RecordReader::open(brokers, topic, Deadline::in(kPatience));
    if (!reader) throw std::runtime_error(reader.error().describe());
    reader_ = *std::move(reader);
  }

  std::vector<std::size_t> next() override {
    std::vector<std::size_t> numbers;
    for (const auto& record : reader_->read(Deadline::in(kPatience)))
      numbers.push_back(number_in_payload(*record.value));
    if (numbers.empty()) throw std::runtime_error("no record has arrived for a while");
    return numbers;
  }

 private:
  std::unique_ptr<kafka::RecordReader> reader_;
};

class StreamedRows final : public Arrivals {
 public:
  StreamedRows(const std::string& url, const std::string& slot, const std::string& publication)
      : stream_(url, slot, publication, BareStream::Idle::kWaits) {}

  std::vector<std::size_t> next() override {
    for (;;) {
      const auto message = decoder_.decode(stream_.next().message);
      if (!message) throw std::runtime_error(std::string(message.error().what));
      const auto* insert = std::get_if<wal::InsertMessage>(&message->body);
      if (insert != nullptr) return {number_in_payload(insert->row.values())};
    }
  }

 private:
  BareStream stream_;
  wal::PgoutputDecoder decoder_;
};

}  // namespace

std::unique_ptr<Writer> make_writer(const Arguments& arguments) {
  if (arguments.has("table")) return std::make_unique<CommittedRows>(arguments.text("url"), arguments.text("table"));
  return std::make_unique<ProducedRecords>(arguments.text("brokers"), arguments.text("topic"));
}

std::unique_ptr<Arrivals> make_arrivals(const Arguments& arguments) {
  if (arguments.has("slot"))
    return std::make_unique<StreamedRows>(arguments.text("url"), arguments.text("slot"), arguments.text("publication"));
  return std::make_unique<ConsumedRecords>(arguments.text("brokers"), arguments.text("topic"));
}

std::string numbered_payload(std::size_t number, const std::string& pad) {
  return "{\"n\":" + std::to_string(number) + ",\"pad\":\"" + pad + "\"}";
}

std::size_t number_in_payload(std::string_view payload) {
  const auto at = payload.find_first_of("0123456789", payload.find("\"n\":"));
  if (at == std::string_view::npos) throw std::runtime_error("an event without a number has arrived");
  return std::stoul(std::string(payload.substr(at, 20)));
}

}  // namespace penstock::bench
