// Leases, with the advisory locks that stand for the life of their owner's session.
//
// All locks are held on one session. The lock is taken before the row is written, and the row says
// whether it was got: only a row that says `locked`, together with a lock that is free, proves that
// the session of its owner has ended. A lock that another session holds proves nothing against a
// lease that has expired: a paused owner keeps its lock, and its epoch fences it.
#pragma once

#include <mutex>
#include <set>

#include "store/leases.h"
#include "store/postgres/session_opener.h"

namespace penstock::store::postgres {

class PostgresLeases final : public Leases {
 public:
  explicit PostgresLeases(SessionOpener& opener);

  Result<Lease> take(std::string_view name, std::string_view owner) override;
  Status renew(const Lease& lease) override;
  Status release(const Lease& lease) override;

 private:
  // Calls `use(session, deadline)` on the one session, and once more on a new one if it had ended.
  template <typename Use>
  auto on_session(Use use) -> decltype(use(std::declval<Session&>(), Deadline::in({})));

  Result<Lease> take_on(Session& session, std::string_view name, std::string_view owner, Deadline deadline);
  Status renew_on(Session& session, const Lease& lease, Deadline deadline);
  Status release_on(Session& session, const Lease& lease, Deadline deadline);
  // Takes the lock unless this session has it.
  Result<bool> try_lock(Session& session, std::string_view name, Deadline deadline);
  Status unlock(Session& session, std::string_view name, Deadline deadline);

  SessionOpener& opener_;
  const Statement try_lock_, unlock_, take_, owner_, renew_, release_;

  std::timed_mutex mutex_;  // one call at a time; guards what follows
  std::unique_ptr<Session> session_;
  std::uint64_t generation_ = 0;               // of session_
  std::set<std::string, std::less<>> locked_;  // names whose lock session_ holds
};

}  // namespace penstock::store::postgres
