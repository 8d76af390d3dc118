// The suite that every sink passes; see sink_harness.h for how to add one.
#pragma once

#include <gtest/gtest.h>

#include <deque>

#include "tests/contract/sink/sink_harness.h"
#include "tests/support/outcome_collector.h"

namespace penstock::tests {

class SinkContract : public testing::TestWithParam<SinkKit> {
 protected:
  void SetUp() override;

  // Opens within the usual time, or fails the test.
  void open();
  void open_and_deliver_one(const std::string& key);
  // Submits until it is taken; the message lives as long as the test.
  connectors::Ticket submit(const EventRef& event);
  connectors::Submitted try_submit(connectors::Ticket ticket, const EventRef& event);
  bool settle(std::size_t reports);
  // Submits and submits again what failed as retryable, in order, opening the sink when it is broken:
  // what a route does. False when it takes too long.
  bool deliver_all(const std::vector<EventRef>& events);
  // Submits it and one more of its key: the second must not be delivered.
  void expect_nothing_passes(const EventRef& refused);
  std::vector<EventRef> events(const std::vector<std::string>& keys, int each);

  std::unique_ptr<SinkHarness> harness_;
  OutcomeCollector outcomes_;
  std::deque<connectors::Message> messages_;  // outlives the sink
  std::unique_ptr<connectors::Sink> sink_;
  std::uint64_t last_ticket_ = 0;

 private:
  bool reopen(Deadline deadline);
};

inline std::string kit_name(const testing::TestParamInfo<SinkKit>& kit) { return kit.param.name; }

}  // namespace penstock::tests
