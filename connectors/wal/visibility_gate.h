// Keeps a transaction back until others see it.
//
// A commit stands in the log as soon as it is on disk. Other sessions see its rows only once its own session has gone
// on from there: a moment later, or, where the server waits for synchronous standbys, when these have confirmed it.
// The server is asked for a snapshot, which answers for every transaction until then; what one has shown is never
// asked again.
//
// Single-threaded. Errors: those of the session; wal.protocol.
#pragma once

#include <optional>
#include <stop_token>
#include <string>

#include "connectors/outbox/held_back.h"
#include "connectors/wal/snapshot.h"
#include "core/clock.h"
#include "core/log.h"
#include "store/postgres/session.h"

namespace penstock::wal {

class VisibilityGate {
 public:
  // `log` outlives it.
  VisibilityGate(const std::string& source_name, Log& log);

  // Whether others are known to see it. Asks nobody.
  bool is_open_for(Xid xid) const { return snapshot_ && snapshot_->sees(xid); }
  // Asks the server once, for the sake of a transaction that is kept back.
  Status look(Xid xid, SteadyTime now, store::postgres::Session& session, Deadline deadline,
              const std::stop_token& stop);
  // How long to wait before the next look: short in a race, longer where a standby is waited for.
  Duration pause(SteadyTime now) const;

  // Who is waited for, once that takes long.
  const std::optional<connectors::Blocker>& held_back_by() const { return held_back_.by(); }

 private:
  Status name_holder(SteadyTime now, store::postgres::Session& session, Deadline deadline, const std::stop_token& stop);

  struct Waiting {
    Xid xid;
    SteadyTime since;
    SteadyTime next_naming;  // of the session that is waited for
  };

  outbox::HeldBack held_back_;
  std::optional<Snapshot> snapshot_;
  std::optional<Waiting> waiting_;
};

}  // namespace penstock::wal
