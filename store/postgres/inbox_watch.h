// Has the inbox swept while this program appends nothing: a thread that waits, inside the server, for
// rows that others have committed (docs/decisions/0014-the-server-watches-the-inbox.md).
#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <thread>

#include "store/postgres/session_opener.h"

namespace penstock::store::postgres {

class InboxWatch {
 public:
  // `opener` outlives the watch. `sequence` returns when a sweep was tried; called from the watch's thread.
  InboxWatch(SessionOpener& opener, std::function<void()> sequence);

  // Ends the thread as soon as what it calls returns. From any thread.
  void request_stop() { thread_.request_stop(); }

 private:
  void run(const std::stop_token& stop);

  SessionOpener& opener_;
  const std::function<void()> sequence_;
  const Statement await_inbox_;
  std::jthread thread_;
};

}  // namespace penstock::store::postgres
