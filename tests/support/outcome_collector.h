// A listener that keeps every report, for tests of sinks. Thread-safe.
#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

#include "connectors/outcome.h"
#include "core/clock.h"

namespace penstock::tests {

class OutcomeCollector final : public connectors::OutcomeListener {
 public:
  void report(std::span<const connectors::DeliveryReport> reports) override;
  void sink_changed() override;

  // False when the deadline came first.
  bool wait_for_reports(std::size_t count, Deadline deadline) const;
  // Until `condition` holds; looked at after each report, each change of the sink, and every 20 ms.
  template <typename Condition>
  bool wait_until(Condition condition, Deadline deadline) const {
    std::unique_lock lock(mutex_);
    for (;;) {
      lock.unlock();
      if (condition()) return true;
      if (deadline.expired()) return false;
      lock.lock();
      changed_.wait_for(lock, std::chrono::milliseconds(20));
    }
  }

  std::vector<connectors::DeliveryReport> reports() const;
  std::size_t count() const;
  std::size_t count(connectors::Outcome outcome) const;
  // The one report on a ticket; empty when there is none. Several are a failure of the test.
  std::optional<connectors::DeliveryReport> report_on(connectors::Ticket ticket) const;
  std::size_t changes() const;

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::vector<connectors::DeliveryReport> reports_;
  std::size_t changes_ = 0;
};

}  // namespace penstock::tests
