#include "store/postgres/blocker_watch.h"

namespace penstock::store::postgres {

void BlockerWatch::look(std::int64_t waiting_pid, const std::stop_token& stop) {
  const Deadline deadline = Deadline::in(std::chrono::seconds(1));
  if (!session_ || session_->broken()) {
    auto opened = opener_.open("watch", deadline, stop);
    if (!opened) return;
    session_ = std::move(opened->session);
  }
  Parameters waiting;
  waiting.int8(waiting_pid);
  auto rows = session_->run(statements_.blocking_root, waiting, deadline, stop);
  if (!rows || rows->empty()) {
    forget();
    return;
  }
  const Blocker blocker{rows->integer(0, 0), std::string(rows->bytes(0, 1)), std::string(rows->bytes(0, 2)),
                        std::string(rows->bytes(0, 6))};
  const bool ours = rows->boolean(0, 3);
  const bool waits_for_client = rows->boolean(0, 4);
  const std::string name(rows->bytes(0, 5)), pid = std::to_string(blocker.pid);
  if (blocker.pid != seen_.pid)
    log_.write(LogLevel::kWarn, "store", codes::kStoreBusy.name,
               "an append waits for a lock that another session holds", {{"pid", pid}, {"application", name}});
  if (ours && waits_for_client && blocker == seen_) {
    Parameters backend;
    backend.int8(blocker.pid).text(blocker.backend_start);
    if (session_->run(statements_.end_backend, backend, deadline, stop))
      log_.write(LogLevel::kWarn, "store", codes::kStoreBusy.name, "ended a session that held the lock and did nothing",
                 {{"pid", pid}, {"application", name}});
  }
  seen_ = blocker;
}

}  // namespace penstock::store::postgres
