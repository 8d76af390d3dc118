// Says what phase a route is in: one line when a fault begins, one when it has ended, with its code and
// how long it lasted, and in between only a line for another code, or, once a minute, for other words.
//
// A fault that comes and goes would still flood the log, so each time that it comes back soon, its end
// is believed later. The phase shown in `penstock status` is the one said here, its reason the latest.
// Single-threaded.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "connectors/outcome.h"
#include "core/clock.h"
#include "core/event.h"
#include "core/log.h"
#include "relay/route_phase.h"

namespace penstock::relay {

class RouteVoice {
 public:
  RouteVoice(std::string route, const Clock& clock, Log& log);

  // What is the case now. `why` is null when all is well; used during the call only.
  void observe(RoutePhase phase, const Error* why, SteadyTime now);
  // An event or a row was set aside: said at once, then at most once in a while with the number.
  void parked(std::string_view code, std::string_view reason, std::string_view source_key, SteadyTime now);
  // At level debug, each time: what came of an attempt at an event, the first being 1.
  void outcome(const Event& event, std::uint32_t attempt, const connectors::DeliveryReport& report);
  // The program ended so often before it had settled anything of the route: events are tried one by one now.
  void goes_carefully(std::uint32_t ends);
  void no_longer_careful();
  // The sink reported a ticket that is not on its way; said once.
  void unexpected_report();

  RoutePhase phase() const { return phase_; }
  const std::string& code() const { return code_; }
  const std::string& message() const { return message_; }
  Timestamp since() const { return since_; }
  // Raised at each change.
  std::uint64_t changes() const { return changes_; }
  // When observe() may change something by itself.
  SteadyTime next_due() const;

 private:
  void change(RoutePhase phase, const Error* why, SteadyTime now);
  void say_entry(const Error* why, SteadyTime now);
  void say_recovery(SteadyTime now);
  // When a line about `code_` is due, within the phase that was said.
  SteadyTime may_say_code_at(SteadyTime now) const;

  const std::string route_;
  const Clock& clock_;
  Log& log_;
  RoutePhase phase_ = RoutePhase::kStarting;
  std::string code_, message_;
  Timestamp since_;
  SteadyTime entered_at_, said_at_;
  std::uint64_t changes_ = 0;
  std::string said_code_, said_message_;                 // of the last line
  std::map<std::string, SteadyTime, std::less<>> said_;  // when a code was said last, for a while
  std::optional<SteadyTime> code_due_;                   // while `code_` waits for its turn

  Duration calm_{};                       // how long all must be well before the end of a fault is said
  std::optional<SteadyTime> well_since_;  // while a fault is shown
  std::optional<SteadyTime> recovered_at_;
  std::optional<SteadyTime> parked_said_at_;
  std::uint64_t parked_unsaid_ = 0;
  enum class Said { kNo, kYes } unexpected_ = Said::kNo;
};

}  // namespace penstock::relay
