// What the contract suite needs to know about one kind of sink: how to make it, what the other side
// has got, and how to disturb it. Each connector's file implements it and instantiates the suite:
//
//   INSTANTIATE_TEST_SUITE_P(Console, SinkContract, testing::Values(SinkKit{"console", make_harness}), kit_name);
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "connectors/sink.h"
#include "tests/support/servers.h"

namespace penstock::tests {

// What the other side has got of one message.
struct Landed {
  std::string key;
  EventId id;
  std::optional<std::string> body;
};

enum class Possible { kYes, kNo };

// One other side (a topic of its own, a queue, a pipe), and sinks to it.
class SinkHarness {
 public:
  virtual ~SinkHarness() = default;

  virtual std::unique_ptr<connectors::Sink> make(connectors::OutcomeListener& listener) = 0;
  // As the mapping and the wire profile of a route would make it.
  virtual connectors::Message message(EventRef event) = 0;
  // Everything that arrived so far, each key in its order; waits for at least `count`.
  virtual std::vector<Landed> landed(std::size_t count, Deadline deadline) = 0;

  // The other side takes nothing and answers nothing until release(). Messages are accepted meanwhile.
  virtual Possible hold() { return Possible::kNo; }
  virtual void release() {}
  // The other side can't be reached until come_back().
  virtual Possible go_away() { return Possible::kNo; }
  virtual void come_back() {}
  // An event that the other side refuses for good.
  virtual std::optional<EventRef> refused_event() { return std::nullopt; }
};

struct SinkKit {
  std::string name;
  std::function<std::unique_ptr<SinkHarness>()> make_harness;
  std::optional<Server> needs = std::nullopt;
};

inline void PrintTo(const SinkKit& kit, std::ostream* out) { *out << kit.name; }

// An event of category "order" whose key and stream say `key`, distinct in id and version for each `number`.
EventRef event_for(const std::string& key, std::int64_t number, std::optional<std::string> data = "{}");

}  // namespace penstock::tests
