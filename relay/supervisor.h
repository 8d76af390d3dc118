// Runs all routes of a program: each in threads of its own, each failing or waiting alone.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "connectors/kind.h"
#include "connectors/message.h"
#include "connectors/sink.h"
#include "connectors/source.h"
#include "relay/route_report.h"
#include "relay/route_settings.h"
#include "store/store.h"

namespace penstock::relay {

// One route and how its ends are made. The composition root fills it; the relay never learns which
// technology is behind it.
struct RoutePlan {
  RouteSettings settings;
  std::string source_name;             // for parked rows: a source's name, or "store"
  std::string source_kind, sink_kind;  // for metrics: the words of `kind =`, or "store"
  std::function<Result<std::unique_ptr<connectors::Source>>()> make_source;
  std::function<Result<std::unique_ptr<connectors::Sink>>(connectors::OutcomeListener&)> make_sink;
  const connectors::WireProfile* wire = nullptr;  // null: the sink takes the event as it is
};

// How a drain ended: kLeftUnsettled where routes gave up in time what they could not settle, as failed ones do.
enum class Ended { kDrained, kLeftUnsettled, kDeadlinePassed };

// Threads: start() is called once; the other calls may come from any thread. The store, the
// surroundings and what the plans capture outlive the supervisor.
class Supervisor {
 public:
  Supervisor(store::Store& store, const connectors::Surroundings& surroundings, std::vector<RoutePlan> plans);
  ~Supervisor();  // stops at once what still runs

  // Starts every route; never fails: a route whose ends are away waits for them.
  void start();

  // Stops reading, settles what is in flight, gives the leases back. A second call, or stop_now()
  // from another thread, ends the wait.
  Ended drain(Deadline deadline);
  void stop_now();

  // One a route, in the order of the plans: what is also reported to the store every two seconds.
  // From any thread.
  std::vector<store::RouteState> states() const;
  // The same as it was counted, for metrics. A busy route's is up to a quarter of a second old. From any thread.
  std::vector<NamedReport> reports() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace penstock::relay
