// Names who keeps a statement waiting for a lock: while one statement of a session waits, another session asks.
#pragma once

#include <functional>
#include <optional>
#include <stop_token>

#include "connectors/source.h"
#include "core/error.h"
#include "store/postgres/session.h"

namespace penstock::outbox {

// Watches the calls of `waiting` as long as it lives, by Session::watch_slow(). Single-threaded.
class LockWait {
 public:
  // `ask`: for the other session, which is opened only for a call that takes longer than a second. `meanwhile`: called
  // before each look, every few seconds. All outlive it.
  LockWait(store::postgres::Session& waiting, const store::postgres::SessionSettings& ask, const std::stop_token& stop,
           std::function<void()> meanwhile = {});
  ~LockWait();
  LockWait(const LockWait&) = delete;
  LockWait& operator=(const LockWait&) = delete;

  // One look, on a session that is there. What can't be found out stays unknown.
  static std::optional<connectors::Blocker> look(store::postgres::Session& other, std::int64_t waiting_pid,
                                                 const std::stop_token& stop);
  // The error of a call, with who held the lock that was not granted.
  static Error named(Error error, const store::postgres::Session& waiting,
                     const std::optional<connectors::Blocker>& blocker);

  // The same of whatever else a call waited for: a new slot waits for every transaction.
  Error named(Error error) const;

  const std::optional<connectors::Blocker>& blocker() const { return blocker_; }

 private:
  store::postgres::Session& waiting_;
  std::optional<connectors::Blocker> blocker_;  // of the last look that saw one
};

}  // namespace penstock::outbox
