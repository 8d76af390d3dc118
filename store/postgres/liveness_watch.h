// Watches over a statement that may run for long: without a limit of its own, a server that hangs would
// keep its caller for ever.
#pragma once

#include <stop_token>
#include <thread>

#include "store/postgres/session_opener.h"

namespace penstock::store::postgres {

// While it lives, asks the server for a sign of life on a session of its own; when there was none for a
// while, or `stop` is set, sets its token.
class LivenessWatch {
 public:
  LivenessWatch(SessionOpener& opener, std::stop_token stop);

  std::stop_token token() const { return gone_.get_token(); }

 private:
  void run(std::stop_token ended);

  SessionOpener& opener_;
  std::stop_source gone_;
  struct Passing {
    std::stop_source& to;
    void operator()() const { to.request_stop(); }
  };
  std::stop_callback<Passing> stopped_;
  std::jthread thread_;
};

}  // namespace penstock::store::postgres
