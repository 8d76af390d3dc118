#include "connectors/wal/visibility_gate.h"

#include <algorithm>

namespace penstock::wal {
namespace {

using connectors::Blocker;
using store::postgres::Parameters;
using store::postgres::Session;
using store::postgres::Statement;

constexpr std::chrono::microseconds kShortestPause{200};
constexpr std::chrono::milliseconds kLongestPause{20};
// The pauses make a wait longer by this part at most.
constexpr int kPartOfWait = 4;
constexpr std::chrono::seconds kLongWait{1}, kBetweenNamings{1};

const Statement kLook{"wal_snapshot", "SELECT pg_current_snapshot()::text"};
// Until its rows are seen by others a transaction holds the lock of its number. A prepared one has no session.
const Statement kHolder{"",
                        "SELECT coalesce(l.pid, 0)::int8, coalesce(a.application_name, '') FROM pg_locks l"
                        " LEFT JOIN pg_stat_activity a ON a.pid = l.pid WHERE l.locktype = 'transactionid'"
                        " AND l.transactionid::text = $1 AND l.granted AND l.mode = 'ExclusiveLock'"};

}  // namespace

VisibilityGate::VisibilityGate(const std::string& source_name, Log& log)
    : held_back_(
          source_name, log,
          {"wal", codes::kWalStalled,
           "its commit stands in the log, but others don't see it yet: the server waits for a synchronous standby"}) {}

Status VisibilityGate::look(Xid xid, SteadyTime now, Session& session, Deadline deadline, const std::stop_token& stop) {
  if (!waiting_ || waiting_->xid != xid) waiting_ = Waiting{xid, now, now + kLongWait};
  const auto answer = session.run(kLook, {}, deadline, stop);
  if (!answer) return fail(answer.error());
  snapshot_ = Snapshot::parse(answer->bytes(0, 0));
  if (!snapshot_) return fail(codes::kWalProtocol, "the server's snapshot can't be read");
  if (snapshot_->sees(xid)) {
    waiting_.reset();
    held_back_.saw(std::nullopt, now);
    return {};
  }
  return now >= waiting_->next_naming ? name_holder(now, session, deadline, stop) : Status();
}

Status VisibilityGate::name_holder(SteadyTime now, Session& session, Deadline deadline, const std::stop_token& stop) {
  waiting_->next_naming = now + kBetweenNamings;
  Parameters xid;
  xid.text(std::to_string(waiting_->xid.value));
  const auto holder = session.run(kHolder, xid, deadline, stop);
  if (!holder) return fail(holder.error());
  if (holder->empty()) return {};
  held_back_.saw(Blocker{holder->integer(0, 0), std::string(holder->bytes(0, 1)),
                         std::chrono::duration_cast<std::chrono::seconds>(now - waiting_->since)},
                 now);
  return {};
}

Duration VisibilityGate::pause(SteadyTime now) const {
  const Duration waited = waiting_ ? now - waiting_->since : Duration::zero();
  return std::clamp<Duration>(waited / kPartOfWait, kShortestPause, kLongestPause);
}

}  // namespace penstock::wal
