// A Kafka-protocol broker inside this process, on loopback, in memory: librdkafka's mock cluster. For
// `penstock demo` and for tests; never for anything that matters.
//
// Limits of the mock: it keeps about 5 MiB a partition and drops older records, it does not check the
// sequence numbers of idempotent producers, and it forgets everything when it ends.
//
// Threads: the broker has its own; all calls may come from any thread.
#pragma once

#include <memory>
#include <string>

#include "core/error.h"

namespace penstock::kafka {

class DemoBroker {
 public:
  // Listens on free ports of 127.0.0.1. Error: kafka.unavailable.
  static Result<std::unique_ptr<DemoBroker>> start(int brokers = 1);
  ~DemoBroker();
  DemoBroker(const DemoBroker&) = delete;
  DemoBroker& operator=(const DemoBroker&) = delete;

  // For `brokers =` of a sink: "127.0.0.1:34567", comma-separated if there are several.
  const std::string& address() const { return address_; }

  Status create_topic(const std::string& topic, int partitions);

  // All brokers refuse connections, or take them again; what they hold stays.
  void set_down();
  void set_up();
  // Each answer is held back that long.
  void set_delay(int milliseconds);
  // The next produce requests are answered with these error numbers of the Kafka protocol, one each.
  void fail_next_produces(std::initializer_list<int> errors);

 private:
  struct Cluster;
  DemoBroker(std::unique_ptr<Cluster> cluster, std::string address);
  std::unique_ptr<Cluster> cluster_;
  std::string address_;
};

}  // namespace penstock::kafka
