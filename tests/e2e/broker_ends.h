// What arrived at the brokers, read from the start, and where the relay's starts lie in it.
//
// Between two starts of the relay, mark_epoch() notes how far each log reaches; everything behind that mark belongs to
// the next epoch. All calls throw std::runtime_error with the broker's words when they fail.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "tests/support/history_checker.h"

namespace penstock::tests {

// Told how many different events have arrived so far; true = enough.
using Enough = std::function<bool(std::size_t different)>;

class BrokerEnd {
 public:
  virtual ~BrokerEnd() = default;
  virtual const char* name() const = 0;

  // Call it while the relay is not running: waits until the log stands still.
  void mark_epoch();
  std::size_t epochs() const { return marks_.size() + 1; }

  // Reads from the start until it is enough or the deadline has come, and goes on until nothing more arrives for a
  // while.
  virtual std::vector<ArrivedEvent> read(const Enough& enough, std::chrono::seconds patience) = 0;

 protected:
  using Lengths = std::vector<std::int64_t>;  // of each part of the log
  virtual Lengths lengths() = 0;
  std::size_t epoch_of(std::size_t part, std::int64_t offset) const;

 private:
  std::vector<Lengths> marks_;
};

// A topic of its own.
class KafkaEnd final : public BrokerEnd {
 public:
  KafkaEnd(std::string brokers, int partitions);
  const char* name() const override { return "kafka"; }
  const std::string& topic() const { return topic_; }
  std::vector<ArrivedEvent> read(const Enough& enough, std::chrono::seconds patience) override;

 private:
  Lengths lengths() override;
  std::string brokers_, topic_;
  int partitions_;
};

// An exchange of its own with one durable queue that keeps everything until it is read.
class RabbitEnd final : public BrokerEnd {
 public:
  explicit RabbitEnd(std::string url);
  ~RabbitEnd() override;
  const char* name() const override { return "rabbitmq"; }
  const std::string& exchange() const { return name_; }
  std::vector<ArrivedEvent> read(const Enough& enough, std::chrono::seconds patience) override;

 private:
  Lengths lengths() override;
  std::string url_, name_;  // of the exchange and of the queue
};

}  // namespace penstock::tests
