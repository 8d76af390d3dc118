// A few sessions of one store that calls borrow, for as long as one call takes.
//
// Thread-safe. Sessions are opened when they are needed and kept, until the store is found on another server.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "store/postgres/session_opener.h"

namespace penstock::store::postgres {

class SessionPool {
 public:
  SessionPool(SessionOpener& opener, std::string role, std::size_t size);

  // Calls `use(Session&)`, which answers a Result, on a session of the pool. A session that turns out
  // to have ended while it was idle is replaced and `use` called once more; so `use` must be safe to
  // repeat. Error, besides those of `use` and of opening: store.busy when none is free in time.
  template <typename Use>
  std::invoke_result_t<Use, Session&> with_session(Deadline deadline, Use use) {
    for (;;) {
      auto borrowed = borrow(deadline);
      if (!borrowed) return fail(std::move(borrowed.error()));
      Returning returning{*this, std::move(*borrowed)};
      Session& session = *returning.borrowed.opened.session;
      auto answer = use(session);
      if (answer || returning.borrowed.origin == Borrowed::Origin::kNew || !session.broken() ||
          session.failure().condition != SqlCondition::kConnectionLost)
        return answer;
      forget_idle();
    }
  }

  // Of the session that a call is on, unless it is too old to be used (SessionOpener::generation).
  std::uint64_t generation() const { return opener_.generation(); }

 private:
  struct Borrowed {
    StoreSession opened;
    enum class Origin { kIdle, kNew } origin = Origin::kNew;
  };
  struct Returning {
    SessionPool& pool;
    Borrowed borrowed;
    ~Returning() { pool.give_back(std::move(borrowed.opened)); }
  };

  Result<Borrowed> borrow(Deadline deadline);
  void give_back(StoreSession opened);
  // What broke one idle session has most likely broken the others.
  void forget_idle();

  SessionOpener& opener_;
  const std::string role_;
  const std::size_t size_;

  std::mutex mutex_;  // guards what follows
  std::condition_variable freed_;
  std::vector<StoreSession> idle_;
  std::size_t in_use_ = 0;
};

}  // namespace penstock::store::postgres
