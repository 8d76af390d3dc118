// RabbitMQ as the other side of the sink suite: an exchange and a queue of its own for each test, and
// a gate before the broker that can be held and closed.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/random.h"
#include "tests/contract/sink/sink_harness.h"
#include "tests/support/rabbit_reader.h"
#include "tests/support/recording_log.h"
#include "tests/support/tcp_gate.h"

namespace penstock::tests {

class RabbitHarness final : public SinkHarness {
 public:
  RabbitHarness();
  ~RabbitHarness() override;

  std::unique_ptr<connectors::Sink> make(connectors::OutcomeListener& listener) override;
  connectors::Message message(EventRef event) override;
  std::vector<Landed> landed(std::size_t count, Deadline deadline) override;

  Possible hold() override;
  void release() override;
  Possible go_away() override;
  void come_back() override;
  std::optional<EventRef> refused_event() override;

 private:
  const std::string name_;  // of exchange and queue
  RabbitAdmin admin_;
  TcpGate gate_;
  SystemClock clock_;
  SystemRandom random_;
  RecordingLog log_;
  std::unique_ptr<RabbitReader> reader_;
  std::vector<Landed> landed_;
};

}  // namespace penstock::tests
