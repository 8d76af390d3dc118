#include "store/postgres/session.h"

#include <libpq-fe.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "core/invariant.h"
#include "store/postgres/server_words.h"

namespace penstock::store::postgres {
namespace {

std::string field(const pg_result* result, int code) {
  const char* text = PQresultErrorField(result, code);
  return text == nullptr ? "" : text;
}

ServerError error_of(const pg_result* result) {
  return {field(result, PG_DIAG_SQLSTATE),      field(result, PG_DIAG_MESSAGE_PRIMARY),
          field(result, PG_DIAG_COLUMN_NAME),   field(result, PG_DIAG_CONSTRAINT_NAME),
          field(result, PG_DIAG_CONTEXT),       field(result, PG_DIAG_SOURCE_FUNCTION),
          field(result, PG_DIAG_INTERNAL_QUERY)};
}

}  // namespace

Session::Session(CodeOfCondition code_of) : code_of_(code_of), wake_fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

Session::~Session() {
  close();
  if (wake_fd_ >= 0) ::close(wake_fd_);
}

void Session::close() {
  if (connection_ == nullptr) return;
  PQfinish(connection_);
  connection_ = nullptr;
  prepared_.clear();
}

bool Session::in_transaction() const {
  return connection_ != nullptr && PQtransactionStatus(connection_) != PQTRANS_IDLE;
}

void Session::wake_up() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(wake_fd_, &one, sizeof one);
}

void Session::drain_wake() {
  std::uint64_t count = 0;
  [[maybe_unused]] const auto taken = ::read(wake_fd_, &count, sizeof count);
}

Status Session::usable() {
  failure_ = {};
  waiting_since_ = looked_at_ = std::chrono::steady_clock::now();
  if (connection_ == nullptr) return fail(code_of_(SqlCondition::kConnectionLost), "the database session has ended");
  return {};
}

tl::unexpected<Error> Session::lost(std::string_view doing) {
  const std::string words = connection_ == nullptr ? "" : on_one_line(PQerrorMessage(connection_));
  failure_ = {SqlCondition::kConnectionLost, "", "", 0};
  close();
  return fail(code_of_(failure_.condition),
              std::string(doing) + ": the connection to the database was lost" + (words.empty() ? "" : ": " + words));
}

tl::unexpected<Error> Session::give_up(SqlCondition condition) {
  failure_ = {condition, "", "", 0};
  close();
  return fail(code_of_(condition), condition == SqlCondition::kStopped ? "the wait for the database was stopped"
                                                                       : "the database did not answer in time");
}

Error Session::refused(const pg_result* result) {
  const ServerError error = error_of(result);
  failure_ = {classify(error.sqlstate), error.sqlstate, error.constraint, 0};
  return Error(code_of_(failure_.condition),
               error.sqlstate.empty() ? on_one_line(PQresultErrorMessage(result)) : words_of(error));
}

void Session::take_notice(void* session, const pg_result* notice) {
  if (field(notice, PG_DIAG_SEVERITY_NONLOCALIZED) != "WARNING") return;
  const ServerError warning = error_of(notice);
  static_cast<Session*>(session)->warning_ = {warning.sqlstate, words_of(warning)};
}

Status Session::wait_for_server(Awaited awaited, Deadline deadline, const std::stop_token& stop) {
  const std::stop_callback wake(stop, [this] { wake_up(); });
  for (;;) {
    if (stop.stop_requested()) return give_up(SqlCondition::kStopped);
    auto wait = deadline.remaining();
    if (wait.count() == 0) return give_up(SqlCondition::kDeadline);
    if (slow_watch_.look) {
      const auto now = std::chrono::steady_clock::now();
      const auto next = std::max(waiting_since_ + slow_watch_.after, looked_at_ + slow_watch_.every);
      if (now >= next) {
        slow_watch_.look();
        looked_at_ = std::chrono::steady_clock::now();
        continue;
      }
      wait = std::min(wait, std::chrono::ceil<std::chrono::milliseconds>(next - now));
    }
    const short events = awaited == Awaited::kReadable ? POLLIN : POLLIN | POLLOUT;
    pollfd descriptors[] = {{PQsocket(connection_), events, 0}, {wake_fd_, POLLIN, 0}};
    const int ready = ::poll(descriptors, 2, static_cast<int>(std::min<std::int64_t>(wait.count(), 60'000)));
    if (ready < 0 && errno != EINTR) return lost("waiting for the database");
    if (ready > 0 && descriptors[0].revents != 0) return {};
    if (ready > 0) drain_wake();
  }
}

Status Session::flush(Deadline deadline, const std::stop_token& stop) {
  for (;;) {
    const int left = PQflush(connection_);
    if (left == 0) return {};
    if (left < 0) return lost("sending to the database");
    if (auto ready = wait_for_server(Awaited::kReadableOrWritable, deadline, stop); !ready) return ready;
    if (PQconsumeInput(connection_) == 0) return lost("sending to the database");
  }
}

Result<pg_result*> Session::next_result(Deadline deadline, const std::stop_token& stop) {
  while (PQisBusy(connection_) != 0) {
    const int left = PQflush(connection_);
    if (left < 0) return lost("sending to the database");
    const auto awaited = left == 0 ? Awaited::kReadable : Awaited::kReadableOrWritable;
    if (auto ready = wait_for_server(awaited, deadline, stop); !ready) return fail(std::move(ready.error()));
    if (PQconsumeInput(connection_) == 0) {
      // The server's last words (57P01 …) may already lie in the buffer.
      if (PQisBusy(connection_) != 0) return lost("reading from the database");
      break;
    }
  }
  return PQgetResult(connection_);
}

Result<Rows> Session::collect(Deadline deadline, const std::stop_token& stop) {
  Rows rows;
  std::optional<Error> first_error;
  for (;;) {
    auto result = next_result(deadline, stop);
    if (!result) return fail(first_error ? std::move(*first_error) : std::move(result.error()));
    if (*result == nullptr) break;
    const ExecStatusType status = PQresultStatus(*result);
    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) {
      rows = Rows(*result);
      continue;
    }
    if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH) {
      PQclear(*result);
      close();
      return fail(code_of_(SqlCondition::kDefect), "a COPY was started by a call that does not expect one");
    }
    if (!first_error) first_error = refused(*result);
    PQclear(*result);
  }
  if (PQstatus(connection_) == CONNECTION_BAD) close();
  if (first_error) return fail(std::move(*first_error));
  return rows;
}

Result<Rows> Session::execute(const std::string& sql, Deadline deadline, std::stop_token stop) {
  if (auto ready = usable(); !ready) return fail(std::move(ready.error()));
  if (PQsendQuery(connection_, sql.c_str()) == 0) return lost("sending to the database");
  if (auto sent = flush(deadline, stop); !sent) return fail(std::move(sent.error()));
  return collect(deadline, stop);
}

Result<Rows> Session::run(const Statement& statement, const Parameters& parameters, Deadline deadline,
                          std::stop_token stop) {
  const Call call{&statement, &parameters};
  auto rows = run_pipeline({&call, 1}, deadline, std::move(stop));
  if (!rows) return fail(std::move(rows.error()));
  return std::move(rows->front());
}

Result<std::vector<Rows>> Session::run_pipeline(std::span<const Call> calls, Deadline deadline, std::stop_token stop) {
  if (auto ready = usable(); !ready) return fail(std::move(ready.error()));
  std::vector<bool> prepares;
  if (auto sent = send_pipeline(calls, prepares); !sent) return fail(std::move(sent.error()));
  return collect_pipeline(calls, prepares, deadline, stop);
}

Status Session::send_pipeline(std::span<const Call> calls, std::vector<bool>& prepares) {
  if (PQenterPipelineMode(connection_) == 0) return lost("starting a pipeline");
  static const Parameters kNone;
  std::set<std::string_view> preparing;
  for (const Call& call : calls) {
    const Statement& statement = *call.statement;
    const Parameters& parameters = call.parameters == nullptr ? kNone : *call.parameters;
    const int form = statement.form == ResultForm::kBinary ? 1 : 0;
    const bool named = !statement.name.empty();
    const bool prepare = named && !prepared_.contains(statement.name) && preparing.insert(statement.name).second;
    prepares.push_back(prepare);
    if (prepare && PQsendPrepare(connection_, statement.name.c_str(), statement.sql.c_str(), parameters.count(),
                                 parameters.types()) == 0)
      return lost("sending to the database");
    const int sent = named
                         ? PQsendQueryPrepared(connection_, statement.name.c_str(), parameters.count(),
                                               parameters.values(), parameters.lengths(), parameters.formats(), form)
                         : PQsendQueryParams(connection_, statement.sql.c_str(), parameters.count(), parameters.types(),
                                             parameters.values(), parameters.lengths(), parameters.formats(), form);
    if (sent == 0) return lost("sending to the database");
  }
  if (PQpipelineSync(connection_) == 0) return lost("sending to the database");
  return {};
}

// Each call answers one result and a null, after those of its PREPARE; the sync answers one result.
Result<std::vector<Rows>> Session::collect_pipeline(std::span<const Call> calls, const std::vector<bool>& prepares,
                                                    Deadline deadline, const std::stop_token& stop) {
  std::vector<Rows> answers;
  answers.reserve(calls.size());
  std::optional<Error> first_error;
  std::size_t call = 0, nulls = 0;
  bool expects_prepare = !prepares.empty() && prepares[0];
  for (;;) {
    auto result = next_result(deadline, stop);
    if (!result) return fail(first_error ? std::move(*first_error) : std::move(result.error()));
    if (*result == nullptr) {
      if (PQstatus(connection_) == CONNECTION_BAD || ++nulls > calls.size() * 2 + 2) break;
      continue;
    }
    const ExecStatusType status = PQresultStatus(*result);
    if (status == PGRES_PIPELINE_SYNC) {
      PQclear(*result);
      break;
    }
    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) {
      if (expects_prepare) {
        PQclear(*result);
        prepared_.insert(calls[call].statement->name);
        expects_prepare = false;
        continue;
      }
      answers.emplace_back(*result);
    } else {
      if (status != PGRES_PIPELINE_ABORTED && !first_error) {
        first_error = refused(*result);
        failure_.call = call;
      }
      PQclear(*result);
      if (expects_prepare) {
        expects_prepare = false;
        continue;  // the answer of the call itself follows
      }
    }
    ++call;
    expects_prepare = call < prepares.size() && prepares[call];
  }
  if (PQstatus(connection_) == CONNECTION_BAD) {
    if (!first_error) return lost("reading from the database");
    close();
  } else if (PQexitPipelineMode(connection_) == 0) {
    return lost("ending a pipeline");
  }
  if (first_error) return fail(std::move(*first_error));
  INVARIANT(answers.size() == calls.size(), "every call of a pipeline is answered or the pipeline fails");
  return answers;
}

Result<std::uint64_t> Session::copy_in(const std::string& copy_sql, const NextChunk& next_chunk, Deadline deadline,
                                       std::stop_token stop) {
  if (auto ready = usable(); !ready) return fail(std::move(ready.error()));
  if (PQsendQuery(connection_, copy_sql.c_str()) == 0) return lost("sending to the database");
  if (auto sent = flush(deadline, stop); !sent) return fail(std::move(sent.error()));
  auto begun = next_result(deadline, stop);
  if (!begun) return fail(std::move(begun.error()));
  if (*begun == nullptr) return lost("starting a COPY");
  if (PQresultStatus(*begun) != PGRES_COPY_IN) {
    Error error = refused(*begun);
    PQclear(*begun);
    (void)collect(deadline, stop);
    return fail(std::move(error));
  }
  PQclear(*begun);
  for (std::string_view chunk = next_chunk(); !chunk.empty(); chunk = next_chunk()) {
    if (PQputCopyData(connection_, chunk.data(), static_cast<int>(chunk.size())) != 1)
      return lost("sending to the database");
    if (auto sent = flush(deadline, stop); !sent) return fail(std::move(sent.error()));
  }
  if (PQputCopyEnd(connection_, nullptr) != 1) return lost("sending to the database");
  if (auto sent = flush(deadline, stop); !sent) return fail(std::move(sent.error()));
  auto rows = collect(deadline, stop);
  if (!rows) return fail(std::move(rows.error()));
  return rows->affected();
}

Result<std::vector<std::string>> Session::wait_notified(Deadline deadline, std::stop_token stop) {
  if (auto ready = usable(); !ready) return fail(std::move(ready.error()));
  std::vector<std::string> channels;
  const std::stop_callback wake(stop, [this] { wake_up(); });
  for (;;) {
    if (PQconsumeInput(connection_) == 0) return lost("waiting for notifications");
    while (PGnotify* notice = PQnotifies(connection_)) {
      channels.emplace_back(notice->relname);
      PQfreemem(notice);
    }
    if (PQstatus(connection_) == CONNECTION_BAD) return lost("waiting for notifications");
    const auto wait = deadline.remaining();
    if (!channels.empty() || wait.count() == 0 || stop.stop_requested()) break;
    pollfd descriptors[] = {{PQsocket(connection_), POLLIN, 0}, {wake_fd_, POLLIN, 0}};
    if (::poll(descriptors, 2, static_cast<int>(std::min<std::int64_t>(wait.count(), 60'000))) < 0 && errno != EINTR)
      return lost("waiting for notifications");
  }
  drain_wake();
  return channels;
}

Status Session::rollback(Deadline deadline) {
  if (broken() || !in_transaction()) return {};
  auto done = execute("ROLLBACK", deadline);
  if (!done) return fail(std::move(done.error()));
  return {};
}

std::string quote_identifier(std::string_view name) {
  std::string quoted = "\"";
  for (const char c : name) quoted.append(c == '"' ? 2 : 1, c);
  return quoted + "\"";
}

std::string quote_literal(std::string_view text) {
  // standard_conforming_strings is a setting; the E form is read the same way under both.
  std::string quoted = "E'";
  for (const char c : text) quoted.append(c == '\'' || c == '\\' ? 2 : 1, c);
  return quoted + "'";
}

}  // namespace penstock::store::postgres
