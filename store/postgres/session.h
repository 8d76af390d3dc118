// One connection to Postgres: the only type in the program that owns one.
//
// A session is opened once. When it breaks it stays broken: every later call fails at once, and the
// owner opens another one and takes its locks again. Nothing reconnects by itself, so that session
// state (settings, advisory locks, LISTEN) can't be lost unseen.
//
// Every call has a deadline and takes a stop token. When either ends a call that waits for the
// server, the session is closed, because what the server does with the statement is then unknown: a
// statement that was sent may still run on and take effect. For one that changes something, that is
// "in doubt" (pid() and backend_start() say which backend to end first).
//
// Threads: one at a time. Errors: the codes that SessionSettings::code_of gives to the conditions of
// sql_condition.h; failure() says more. Messages carry no parameter, no password and no data (server_words.h).
//
// Not bounded by the deadline: the lookup of host names by the system's resolver.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <set>
#include <span>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "core/clock.h"
#include "core/error.h"
#include "core/secret.h"
#include "store/postgres/parameters.h"
#include "store/postgres/rows.h"
#include "store/postgres/sql_condition.h"

struct pg_conn;

namespace penstock::store::postgres {

struct SessionSettings {
  Secret url;                    // postgresql://… or libpq keywords; read again where it came from at each opening
  std::string application_name;  // seen in pg_stat_activity
  CodeOfCondition code_of = store_code_of;
  // Limits of the server; 0 = none. lock_timeout < statement_timeout < the deadlines of the calls.
  std::chrono::milliseconds lock_timeout{5'000};
  std::chrono::milliseconds statement_timeout{10'000};
  std::chrono::milliseconds idle_session_timeout{0};
  std::vector<std::pair<std::string, std::string>> parameters;  // further run-time parameters
  // kReplication: talks to a walsender of the database. It takes replication commands and simple
  // statements (execute()), and is the only kind that start_stream() works on.
  enum class Kind { kOrdinary, kReplication } kind = Kind::kOrdinary;
  // kAsStored: a database that doesn't know the encoding of its texts (SQL_ASCII) hands them over as bytes; otherwise
  // it refuses a statement that comes upon one that isn't UTF-8. Other databases convert to UTF-8 either way.
  enum class Texts { kUtf8, kAsStored } texts = Texts::kUtf8;
};

// What was learnt when the session was opened.
struct ServerFacts {
  int version = 0;                // 150004
  std::int64_t pid = 0;           // of our backend
  std::string backend_start;      // with pid: names our backend for ever
  std::string system_identifier;  // of the cluster; kept by its standbys
  std::int64_t timeline = 0;      // raised by a promotion; 0 on a standby
  enum class Role { kPrimary, kStandby } role = Role::kPrimary;
  bool checks_texts = true;  // false: texts may be any bytes, see SessionSettings::Texts
};

enum class ResultForm { kText, kBinary };

// A statement with $1, $2 …; prepared once a session under its name, or each time if that is empty.
struct Statement {
  std::string name;
  std::string sql;
  ResultForm form = ResultForm::kBinary;
};

struct Call {
  const Statement* statement;
  const Parameters* parameters;  // null = none
};

// Called from a call that still waits for the server after `after`, then each `every`.
struct SlowWatch {
  Duration after{};
  Duration every{};
  std::function<void()> look;
};

class Session {
 public:
  static Result<std::unique_ptr<Session>> open(const SessionSettings& settings, Deadline deadline,
                                               std::stop_token stop = {});
  ~Session();

  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Statements of ours without parameters, separated by `;`, in one round trip; answers the last one,
  // in text form. Together they are one transaction, unless they say BEGIN or COMMIT.
  Result<Rows> execute(const std::string& sql, Deadline deadline, std::stop_token stop = {});

  // One statement with parameters: one round trip, also when it has to be prepared first.
  Result<Rows> run(const Statement& statement, const Parameters& parameters, Deadline deadline,
                   std::stop_token stop = {});

  // Several statements in one round trip. Outside of BEGIN they are one transaction, each with its
  // own snapshot. The first failure ends the rest.
  Result<std::vector<Rows>> run_pipeline(std::span<const Call> calls, Deadline deadline, std::stop_token stop = {});

  // COPY … FROM STDIN with all its data. Answers how many rows the server took. `next_chunk` gives the
  // data piece by piece, an empty one at the end: while it makes one, the server works on the last.
  using NextChunk = std::function<std::string_view()>;
  Result<std::uint64_t> copy_in(const std::string& copy_sql, const NextChunk& next_chunk, Deadline deadline,
                                std::stop_token stop = {});

  // Waits for notifications of the channels that were LISTENed to: their names, or none when the
  // deadline or the stop came first (the session then stays open).
  Result<std::vector<std::string>> wait_notified(Deadline deadline, std::stop_token stop = {});

  // START_REPLICATION …: from here on the session carries a stream in both directions, and only the
  // calls up to send_message() and close() may be made.
  Status start_stream(const std::string& command, Deadline deadline, std::stop_token stop = {});
  // What comes next of a message that has arrived, without waiting: as much as there is room for; less only at its end;
  // 0 when none has. The message is passed over with its last byte, which is not told apart from another one. The end
  // of the stream is an error: the server gives one only when it ends.
  Result<std::size_t> next_piece(std::span<char> room);
  // What the server last warned of in the stream, which came before what next_piece() then answered. No SQLSTATE:
  // nothing yet.
  struct Warning {
    std::string sqlstate, words;
  };
  const Warning& warning() const { return warning_; }
  // How often next_piece() has found something to read, be it a part of a message.
  std::uint64_t arrivals() const { return arrivals_; }
  // Until there is something to read, the deadline, or the stop; an error only when the session is lost.
  Status wait_message(Deadline deadline, const std::stop_token& stop);
  Status send_message(std::string_view message, Deadline deadline, const std::stop_token& stop);

  // Ends a transaction that failed; no error when there is none.
  Status rollback(Deadline deadline);

  void watch_slow(SlowWatch watch) { slow_watch_ = std::move(watch); }
  // Ends the session at once; the server rolls back and frees the locks when it notices.
  void close();

  bool broken() const { return connection_ == nullptr; }
  // Whether a BEGIN has not been ended yet, or was ended by an error.
  bool in_transaction() const;
  const ServerFacts& server() const { return server_; }
  // Of the last call that failed.
  const SqlFailure& failure() const { return failure_; }

 private:
  explicit Session(CodeOfCondition code_of);

  Status connect(const SessionSettings& settings, Deadline deadline, std::stop_token stop);
  Status apply_settings(const SessionSettings& settings, Deadline deadline, std::stop_token stop);

  enum class Awaited { kReadable, kReadableOrWritable };
  Status wait_for_server(Awaited awaited, Deadline deadline, const std::stop_token& stop);
  Status flush(Deadline deadline, const std::stop_token& stop);
  Result<pg_result*> next_result(Deadline deadline, const std::stop_token& stop);  // null = no more
  // Reads what a simple query answers until its end; the last rows, or the first failure.
  Result<Rows> collect(Deadline deadline, const std::stop_token& stop);
  Status send_pipeline(std::span<const Call> calls, std::vector<bool>& prepares);
  Result<std::vector<Rows>> collect_pipeline(std::span<const Call> calls, const std::vector<bool>& prepares,
                                             Deadline deadline, const std::stop_token& stop);

  void wake_up();
  void drain_wake();
  Status usable();
  tl::unexpected<Error> lost(std::string_view doing);
  tl::unexpected<Error> give_up(SqlCondition condition);  // closes
  Error refused(const pg_result* result);                 // fills failure_
  static void take_notice(void* session, const pg_result* notice);

  const CodeOfCondition code_of_;
  pg_conn* connection_ = nullptr;
  int wake_fd_ = -1;  // made readable by a stop
  std::uint64_t arrivals_ = 0;
  Warning warning_;
  ServerFacts server_;
  SqlFailure failure_;
  SlowWatch slow_watch_;
  SteadyTime waiting_since_{}, looked_at_{};
  std::set<std::string, std::less<>> prepared_;
};

// `name` as an SQL identifier and `text` as an SQL literal, quoted.
std::string quote_identifier(std::string_view name);
std::string quote_literal(std::string_view text);

// Whether libpq can read this at all: postgresql://… or keywords.
bool is_connection_text(const Secret& url);
// For an operator's shell, to the database of `url`; passwords stay out of them, the tools ask.
std::string psql_command(const Secret& url);      // "psql -h 127.0.0.1 -p 5432 -U app -d shop"
std::string createdb_command(const Secret& url);  // "createdb -h 127.0.0.1 -p 5432 -U app shop"

}  // namespace penstock::store::postgres
