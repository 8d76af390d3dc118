// Reads a topic from its start, all partitions, as a consumer without a group: what the demo and the
// tests look with at what arrived. Keeps nothing; commits nothing.
//
// Threads: one caller at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/clock.h"
#include "core/error.h"

namespace penstock::kafka {

struct ReadRecord {
  std::string topic;
  std::int32_t partition = 0;
  std::int64_t offset = 0;
  std::optional<std::string> key, value;
  std::int64_t timestamp_ms = 0;
  std::vector<std::pair<std::string, std::string>> headers;

  // The first header of that name, or null.
  const std::string* header(std::string_view name) const;
};

class RecordReader {
 public:
  // `brokers` is comma-separated. Waits until the topic is known. Errors: kafka.unavailable,
  // kafka.unknown_topic.
  static Result<std::unique_ptr<RecordReader>> open(const std::string& brokers, const std::string& topic,
                                                    Deadline deadline);
  ~RecordReader();
  RecordReader(const RecordReader&) = delete;
  RecordReader& operator=(const RecordReader&) = delete;

  // The next records in order per partition: waits for a first one, then takes what is there. Empty
  // at the deadline. Goes on by itself when the broker was away.
  std::vector<ReadRecord> read(Deadline deadline, std::size_t limit = 1'000);

  int partitions() const { return partitions_; }

 private:
  struct Consumer;
  RecordReader(std::unique_ptr<Consumer> consumer, int partitions);
  std::unique_ptr<Consumer> consumer_;
  int partitions_;
};

}  // namespace penstock::kafka
