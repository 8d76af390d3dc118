// A session that carries a stream in both directions: the replication protocol of Postgres.
#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>

#include "store/postgres/session.h"

namespace penstock::store::postgres {

Status Session::start_stream(const std::string& command, Deadline deadline, std::stop_token stop) {
  if (auto ready = usable(); !ready) return ready;
  PQsetNoticeReceiver(connection_, take_notice, this);
  if (PQsendQuery(connection_, command.c_str()) == 0) return lost("sending to the database");
  if (auto sent = flush(deadline, stop); !sent) return sent;
  const auto begun = next_result(deadline, stop);
  if (!begun) return fail(begun.error());
  if (*begun == nullptr) return lost("starting a stream");
  const bool streams = PQresultStatus(*begun) == PGRES_COPY_BOTH;
  if (streams) {
    PQclear(*begun);
    return {};
  }
  Error error = refused(*begun);
  PQclear(*begun);
  const SqlFailure failure = failure_;
  (void)collect(deadline, stop);
  failure_ = failure;
  return fail(std::move(error));
}

Result<std::size_t> Session::next_piece(std::span<char> room) {
  if (connection_ == nullptr) return fail(code_of_(SqlCondition::kConnectionLost), "the database session has ended");
  const int most = static_cast<int>(room.size());
  int bytes = PQgetlineAsync(connection_, room.data(), most);
  if (bytes == 0) {
    pollfd arrived{PQsocket(connection_), POLLIN, 0};
    if (::poll(&arrived, 1, 0) > 0) ++arrivals_;
    if (PQconsumeInput(connection_) == 0) return lost("reading the stream of the database");
    bytes = PQgetlineAsync(connection_, room.data(), most);
  }
  if (bytes >= 0) return static_cast<std::size_t>(bytes);
  // The end, or an error, with which the library has left the copying: the result says which.
  const Deadline soon = Deadline::in(std::chrono::seconds(1));
  auto result = next_result(soon, {});
  if (!result) return fail(std::move(result.error()));
  if (*result == nullptr) return lost("reading the stream of the database");
  const ExecStatusType status = PQresultStatus(*result);
  Error error = status == PGRES_FATAL_ERROR
                    ? refused(*result)
                    : Error(code_of_(SqlCondition::kConnectionLost), "the database has ended the stream");
  PQclear(*result);
  close();
  return fail(std::move(error));
}

Status Session::wait_message(Deadline deadline, const std::stop_token& stop) {
  if (connection_ == nullptr) return fail(code_of_(SqlCondition::kConnectionLost), "the database session has ended");
  const std::stop_callback wake(stop, [this] { wake_up(); });
  const auto wait = deadline.remaining();
  if (wait.count() == 0 || stop.stop_requested()) return {};
  pollfd descriptors[] = {{PQsocket(connection_), POLLIN, 0}, {wake_fd_, POLLIN, 0}};
  const int ready = ::poll(descriptors, 2, static_cast<int>(std::min<std::int64_t>(wait.count(), 60'000)));
  if (ready < 0 && errno != EINTR) return lost("waiting for the stream of the database");
  if (ready > 0 && descriptors[1].revents != 0) drain_wake();
  return {};
}

Status Session::send_message(std::string_view message, Deadline deadline, const std::stop_token& stop) {
  if (connection_ == nullptr) return fail(code_of_(SqlCondition::kConnectionLost), "the database session has ended");
  waiting_since_ = looked_at_ = std::chrono::steady_clock::now();
  if (PQputCopyData(connection_, message.data(), static_cast<int>(message.size())) != 1)
    return lost("sending to the database");
  return flush(deadline, stop);
}

}  // namespace penstock::store::postgres
