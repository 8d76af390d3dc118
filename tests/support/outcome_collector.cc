#include "tests/support/outcome_collector.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace penstock::tests {

using connectors::DeliveryReport;
using connectors::Outcome;
using connectors::Ticket;

void OutcomeCollector::report(std::span<const DeliveryReport> reports) {
  std::lock_guard lock(mutex_);
  reports_.insert(reports_.end(), reports.begin(), reports.end());
  changed_.notify_all();
}

void OutcomeCollector::sink_changed() {
  std::lock_guard lock(mutex_);
  ++changes_;
  changed_.notify_all();
}

bool OutcomeCollector::wait_for_reports(std::size_t count, Deadline deadline) const {
  std::unique_lock lock(mutex_);
  return changed_.wait_until(lock, deadline.time(), [&] { return reports_.size() >= count; });
}

std::vector<DeliveryReport> OutcomeCollector::reports() const {
  std::lock_guard lock(mutex_);
  return reports_;
}

std::size_t OutcomeCollector::count() const {
  std::lock_guard lock(mutex_);
  return reports_.size();
}

std::size_t OutcomeCollector::count(Outcome outcome) const {
  std::lock_guard lock(mutex_);
  return static_cast<std::size_t>(
      std::count_if(reports_.begin(), reports_.end(), [&](const auto& report) { return report.outcome == outcome; }));
}

std::optional<DeliveryReport> OutcomeCollector::report_on(Ticket ticket) const {
  std::lock_guard lock(mutex_);
  std::optional<DeliveryReport> found;
  for (const DeliveryReport& report : reports_) {
    if (report.ticket != ticket) continue;
    EXPECT_FALSE(found) << "two reports on ticket " << ticket.value;
    found = report;
  }
  return found;
}

std::size_t OutcomeCollector::changes() const {
  std::lock_guard lock(mutex_);
  return changes_;
}

}  // namespace penstock::tests
