#include "connectors/outbox/sign_of_life.h"

namespace penstock::outbox {
namespace {

using store::postgres::Call;
using store::postgres::Rows;
using store::postgres::Session;
using store::postgres::SessionSettings;

// Together, with a sign that was given just before the silence began, below 15 s.
constexpr std::chrono::seconds kUntilAsked{4}, kBetweenSigns{4}, kAnswer{5};

bool is_alive(const SessionSettings& ask, const std::stop_token& stop) {
  const auto session = Session::open(ask, Deadline::in(kAnswer), stop);
  return session || session.error().kind() != ErrorKind::kTimeout;
}

}  // namespace

Result<std::vector<Rows>> run_while_alive(Session& session, const SessionSettings& ask, std::span<const Call> calls,
                                          Deadline deadline, const std::stop_token& stop) {
  enum class Server { kAlive, kSilent } server = Server::kAlive;
  std::stop_source given_up;
  const std::stop_callback passing(stop, [&given_up] { given_up.request_stop(); });
  session.watch_slow({kUntilAsked, kBetweenSigns, [&] {
                        if (is_alive(ask, stop)) return;
                        server = Server::kSilent;
                        given_up.request_stop();
                      }});
  auto rows = session.run_pipeline(calls, deadline, given_up.get_token());
  session.watch_slow({});
  if (!rows && server == Server::kSilent)
    return fail(codes::kTimeout, "the database answers neither a statement nor a new session");
  return rows;
}

}  // namespace penstock::outbox
