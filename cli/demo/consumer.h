// The independent consumer of `penstock demo`: reads the topic from its start in a thread of its own,
// says what arrives, and keeps it for the verdict.
#pragma once

#include <memory>
#include <string>
#include <thread>
#include <unordered_set>
#include <vector>

#include "cli/demo/narrator.h"
#include "connectors/kafka/record_reader.h"

namespace penstock::cli {

class DemoConsumer {
 public:
  struct Arrival {
    std::string id, key, payload;
  };

  // Errors: those of RecordReader::open.
  static Result<std::unique_ptr<DemoConsumer>> start(const std::string& brokers, const std::string& topic,
                                                     Narrator& narrator);
  ~DemoConsumer();
  DemoConsumer(const DemoConsumer&) = delete;
  DemoConsumer& operator=(const DemoConsumer&) = delete;

  std::size_t different() const;  // ids seen so far
  // Ends the thread; everything that arrived, in order of arrival.
  std::vector<Arrival> finish();

 private:
  DemoConsumer(std::unique_ptr<kafka::RecordReader> reader, Narrator& narrator);
  void read(const std::stop_token& stop);
  void keep(std::vector<kafka::ReadRecord> records);

  std::unique_ptr<kafka::RecordReader> reader_;
  Narrator& narrator_;
  mutable std::mutex mutex_;  // guards the next two
  std::vector<Arrival> arrivals_;
  std::unordered_set<std::string> ids_;
  std::jthread thread_;
};

}  // namespace penstock::cli
