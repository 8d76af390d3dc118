// The session of the appender, and what became of one that broke.
#include "store/postgres/appender.h"

namespace penstock::store::postgres {
namespace {

using namespace std::chrono_literals;

constexpr auto kConnect = 5s;
constexpr auto kReconnect = 5s;  // how long a batch whose session broke waits for the database

}  // namespace

Status Appender::ensure_session() {
  if (session_ && !session_->broken() && generation_ == opener_.generation()) return {};
  session_.reset();
  looked_ahead_.clear();
  const std::stop_token stop = stop_.get_token();
  const bool was_lost = !reconnect_until_.expired();
  auto opened = was_lost ? opener_.open_patiently("append", reconnect_until_, stop)
                         : opener_.open("append", Deadline::in(kConnect), stop);
  if (!opened) return fail(std::move(opened.error()));
  if (opened->identity != identity_)
    if (auto looked = look_for_lost_tail(); !looked) return looked;
  session_ = std::move(opened->session);
  identity_ = std::move(opened->identity);
  generation_ = opened->generation;
  reconnect_until_ = Deadline::at(SteadyTime::min());
  const std::int64_t pid = session_->server().pid;
  session_->watch_slow({2s, 1s, [this, pid] { blockers_.look(pid, stop_.get_token()); }});
  return {};
}

// Before the first append on another log gives the positions to other events.
Status Appender::look_for_lost_tail() {
  const auto lost = acknowledged_.record_lost(kClients, id_at_, gaps_);
  if (!lost) return fail(lost.error());
  if (*lost)
    log_.write(LogLevel::kError, "store", codes::kRelayLostTail.name,
               "a failover lost events that were acknowledged to clients: " + describe(**lost), {});
  return {};
}

void Appender::lose_session() {
  lost_backend_ = session_->server();
  session_.reset();
  reconnect_until_ = Deadline::in(kReconnect);
}

bool Appender::end_lost_backend() {
  const std::stop_token stop = stop_.get_token();
  const Deadline deadline = Deadline::in(kReconnect);
  auto opened = opener_.open_patiently("resolve", deadline, stop);
  if (!opened) return false;
  Session& session = *opened->session;
  const ServerFacts& server = session.server();
  // After a failover the lost backend is on a server whose timeline has ended.
  if (server.system_identifier != lost_backend_.system_identifier || server.timeline != lost_backend_.timeline)
    return true;
  Parameters backend;
  backend.int8(lost_backend_.pid).text(lost_backend_.backend_start);
  if (!session.run(statements_.end_backend, backend, deadline, stop)) return false;
  while (!deadline.expired() && !stop.stop_requested()) {
    auto alive = session.run(statements_.find_backend, backend, deadline, stop);
    if (!alive) return false;
    if (alive->empty()) {
      log_.info("store", "a commit whose connection broke was resolved", {{"pid", std::to_string(lost_backend_.pid)}});
      return true;
    }
    // Nothing is listened to: this is a pause that a stop ends.
    if (!session.wait_notified(Deadline::in(10ms), stop)) return false;
  }
  return false;
}

}  // namespace penstock::store::postgres
