#include "cli/demo/consumer.h"

#include <fmt/format.h>

namespace penstock::cli {
namespace {

constexpr std::size_t kShownAtFirst = 3;
constexpr std::chrono::milliseconds kReadFor{100};
constexpr std::chrono::seconds kBetweenReports{1};

std::string header_of(const kafka::ReadRecord& record, std::string_view name) {
  const std::string* value = record.header(name);
  return value == nullptr ? "" : *value;
}

std::string describe(const kafka::ReadRecord& record) {
  return fmt::format("order {}: {}, version {}, position {}, partition {}", record.key.value_or("-"),
                     header_of(record, "type"), header_of(record, "version"), header_of(record, "position"),
                     record.partition);
}

}  // namespace

Result<std::unique_ptr<DemoConsumer>> DemoConsumer::start(const std::string& brokers, const std::string& topic,
                                                          Narrator& narrator) {
  auto reader = kafka::RecordReader::open(brokers, topic, Deadline::in(std::chrono::seconds(10)));
  if (!reader) return fail(std::move(reader.error()));
  return std::unique_ptr<DemoConsumer>(new DemoConsumer(std::move(*reader), narrator));
}

DemoConsumer::DemoConsumer(std::unique_ptr<kafka::RecordReader> reader, Narrator& narrator)
    : reader_(std::move(reader)), narrator_(narrator), thread_([this](const std::stop_token& stop) { read(stop); }) {}

DemoConsumer::~DemoConsumer() = default;

std::size_t DemoConsumer::different() const {
  std::lock_guard lock(mutex_);
  return ids_.size();
}

std::vector<DemoConsumer::Arrival> DemoConsumer::finish() {
  thread_.request_stop();
  thread_.join();
  return std::move(arrivals_);
}

void DemoConsumer::read(const std::stop_token& stop) {
  std::size_t shown = 0, told = 0, count = 0;
  auto next_report = std::chrono::steady_clock::now() + kBetweenReports;
  std::string last;
  while (!stop.stop_requested()) {
    std::vector<kafka::ReadRecord> records = reader_->read(Deadline::in(kReadFor));
    count += records.size();
    for (const kafka::ReadRecord& record : records) {
      if (shown++ < kShownAtFirst)
        narrator_.say("consumer", describe(record) + ", " + record.value.value_or("no data"));
    }
    if (!records.empty()) last = describe(records.back());
    keep(std::move(records));
    if (std::chrono::steady_clock::now() < next_report) continue;
    next_report = std::chrono::steady_clock::now() + kBetweenReports;
    if (count > told) narrator_.say("consumer", fmt::format("{} messages so far; the last: {}", count, last));
    told = count;
  }
}

void DemoConsumer::keep(std::vector<kafka::ReadRecord> records) {
  std::lock_guard lock(mutex_);
  for (kafka::ReadRecord& record : records) {
    Arrival arrival{header_of(record, "id"), record.key.value_or(""), record.value.value_or("")};
    ids_.insert(arrival.id);
    arrivals_.push_back(std::move(arrival));
  }
}

}  // namespace penstock::cli
