// Frees an appender from a session of ours that hangs while it holds a lock.
//
// idle_in_transaction_session_timeout ends a client that stopped between statements; nothing of the
// server ends one that stopped inside COPY FROM STDIN or an unfinished pipeline. So an appender that
// waits for a lock looks who is at the root of the queue. A backend of our own role that waits for its
// client, with the same statement in two looks, is ended.
#pragma once

#include <memory>
#include <stop_token>
#include <string>

#include "core/log.h"
#include "store/postgres/append_statements.h"
#include "store/postgres/session_opener.h"

namespace penstock::store::postgres {

// Threads: one, the appender's.
class BlockerWatch {
 public:
  BlockerWatch(SessionOpener& opener, const AppendStatements& statements, Log& log)
      : opener_(opener), statements_(statements), log_(log) {}

  void forget() { seen_ = {}; }
  // One look, on a session of its own.
  void look(std::int64_t waiting_pid, const std::stop_token& stop);

 private:
  struct Blocker {
    std::int64_t pid = 0;
    std::string backend_start, query_start, query;
    bool operator==(const Blocker&) const = default;
  };

  SessionOpener& opener_;
  const AppendStatements& statements_;
  Log& log_;
  std::unique_ptr<Session> session_;
  Blocker seen_;
};

}  // namespace penstock::store::postgres
