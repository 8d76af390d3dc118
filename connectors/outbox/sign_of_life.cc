#include "connectors/outbox/sign_of_life.h"

#include "connectors/outbox/lock_wait.h"

namespace penstock::outbox {
namespace {

using store::postgres::Call;
using store::postgres::Rows;
using store::postgres::Session;
using store::postgres::SessionSettings;

// Together, with a sign that was given just before the silence began, below 15 s.
constexpr std::chrono::seconds kUntilAsked{4}, kBetweenSigns{4}, kAnswer{5};

bool lives(const Result<std::unique_ptr<Session>>& session) {
  return session || session.error().kind() != ErrorKind::kTimeout;
}

}  // namespace

Result<std::vector<Rows>> run_while_alive(Session& session, const SessionSettings& ask, std::span<const Call> calls,
                                          Deadline deadline, const std::stop_token& stop) {
  enum class Server { kAlive, kSilent } server = Server::kAlive;
  std::stop_source given_up;
  const std::stop_callback passing(stop, [&given_up] { given_up.request_stop(); });
  std::optional<connectors::Blocker> blocker;
  session.watch_slow({kUntilAsked, kBetweenSigns, [&] {
                        const auto other = Session::open(ask, Deadline::in(kAnswer), stop);
                        if (other) blocker = LockWait::look(**other, session.server().pid, stop);
                        if (lives(other)) return;
                        server = Server::kSilent;
                        given_up.request_stop();
                      }});
  auto rows = session.run_pipeline(calls, deadline, given_up.get_token());
  session.watch_slow({});
  if (!rows && server == Server::kSilent)
    return fail(codes::kTimeout, "the database answers neither a statement nor a new session");
  if (!rows) return fail(LockWait::named(std::move(rows.error()), session, blocker));
  return rows;
}

}  // namespace penstock::outbox
