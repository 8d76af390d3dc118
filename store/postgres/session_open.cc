// Opening a session: connecting within a deadline, and the settings that every session has.
#include <libpq-fe.h>

#include <charconv>
#include <optional>
#include <regex>
#include <sstream>

#include "core/invariant.h"
#include "store/postgres/session.h"

namespace penstock::store::postgres {
namespace {

constexpr int kOldestServer = 140'000;

struct ConnectFailure {
  std::string words, sqlstate;
};

enum class Password { kWanted, kNotWanted };

SqlCondition condition_of(const ConnectFailure& failure, Password password) {
  // A password that is missing is noticed by the client, which has no SQLSTATE.
  if (failure.sqlstate.empty() && password == Password::kWanted) return SqlCondition::kUnauthorized;
  const SqlCondition condition = classify(failure.sqlstate);
  // What else keeps a server from taking a connection (a database that takes none, 55000) is no
  // statement of ours.
  return condition == SqlCondition::kDefect ? SqlCondition::kConnectionLost : condition;
}

// The password out of a URL or keywords; nullopt when the text does not parse. libpq's own words about
// such a text quote parts of it, so they are never shown.
std::optional<Secret> parse_password(const std::string& url) {
  char* words = nullptr;
  PQconninfoOption* options = PQconninfoParse(url.c_str(), &words);
  if (words != nullptr) PQfreemem(words);
  if (options == nullptr) return std::nullopt;
  Secret password;
  for (const PQconninfoOption* option = options; option->keyword != nullptr; ++option)
    if (std::string_view(option->keyword) == "password" && option->val != nullptr) password = Secret(option->val);
  PQconninfoFree(options);
  return password;
}

// An option that is wrong is quoted by libpq, and a URL with a slip in it has its password anywhere.
std::string without(std::string words, const Secret& secret) {
  if (secret.empty()) return words;
  const std::string& hidden = secret.reveal();
  for (auto at = words.find(hidden); at != std::string::npos; at = words.find(hidden, at + 3))
    words.replace(at, hidden.size(), "***");
  return words;
}

// libpq hands out no SQLSTATE of a refused start, but writes it into its verbose words, in any
// language: "…: FATAL:  28P01: password authentication failed …\nLOCATION:  …".
ConnectFailure read_connect_failure(std::string_view text) {
  static const std::regex kSqlstate(R"(:  ([0-9A-Z]{5}): )");
  ConnectFailure failure;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("LOCATION:")) continue;
    if (line.starts_with('\t')) line.erase(0, 1);
    std::smatch match;
    if (std::regex_search(line, match, kSqlstate)) {
      if (failure.sqlstate.empty()) failure.sqlstate = match[1];
      line = match.prefix().str() + ": " + match.suffix().str() + " (" + match[1].str() + ")";
    }
    failure.words += (failure.words.empty() ? "" : " ") + line;
  }
  return failure;
}

std::string settings_sql(const SessionSettings& settings) {
  const auto milliseconds = [](std::chrono::milliseconds time) { return "'" + std::to_string(time.count()) + "ms'"; };
  // Text forms of values must be equal in every session, so that duplicates of an event are equal.
  std::string sql =
      "SET search_path = '';"
      "SET TimeZone = 'UTC'; SET DateStyle = 'ISO'; SET IntervalStyle = 'postgres'; SET bytea_output = 'hex';"
      "SET extra_float_digits = 1; SET standard_conforming_strings = on;"
      "SET default_transaction_isolation = 'read committed'; SET default_transaction_deferrable = off;"
      "SET idle_in_transaction_session_timeout = '2s';"
      "SET tcp_keepalives_idle = 2; SET tcp_keepalives_interval = 1; SET tcp_keepalives_count = 3;"
      "SET tcp_user_timeout = '5s';"
      // Weaker than `on` means that a commit may be answered before it is durable.
      "SELECT pg_catalog.set_config('synchronous_commit', 'on', false)"
      " WHERE pg_catalog.current_setting('synchronous_commit') IN ('off', 'local', 'remote_write');"
      // Ends a long statement whose client is gone; the parameter exists everywhere, the ability doesn't.
      "SELECT pg_catalog.set_config('client_connection_check_interval', '2s', false)"
      " WHERE pg_catalog.version() LIKE '%linux%';";
  sql += "SET lock_timeout = " + milliseconds(settings.lock_timeout) + ";";
  sql += "SET statement_timeout = " + milliseconds(settings.statement_timeout) + ";";
  sql += "SET idle_session_timeout = " + milliseconds(settings.idle_session_timeout) + ";";
  for (const auto& [name, value] : settings.parameters)
    sql += "SET " + quote_identifier(name) + " = " + quote_literal(value) + ";";
  return sql;
}

constexpr std::string_view kFactsSql =
    "SELECT pg_catalog.current_setting('server_version_num'), pg_catalog.pg_backend_pid(),"
    " (SELECT a.backend_start FROM pg_catalog.pg_stat_activity a WHERE a.pid = pg_catalog.pg_backend_pid()),"
    " (SELECT c.system_identifier FROM pg_catalog.pg_control_system() c),"
    " CASE WHEN pg_catalog.pg_is_in_recovery() THEN NULL"
    "  ELSE pg_catalog.substr(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 1, 8) END";

}  // namespace

Result<std::unique_ptr<Session>> Session::open(const SessionSettings& settings, Deadline deadline,
                                               std::stop_token stop) {
  std::unique_ptr<Session> session(new Session(settings.code_of));
  if (auto connected = session->connect(settings, deadline, stop); !connected)
    return fail(std::move(connected.error()));
  if (auto applied = session->apply_settings(settings, deadline, stop); !applied)
    return fail(std::move(applied.error()).with_context("setting up the database session"));
  return session;
}

Status Session::connect(const SessionSettings& settings, Deadline deadline, std::stop_token stop) {
  const Secret::Current current = settings.url.current();
  const std::string& url = current.secret.reveal();
  // That of the start was checked. What was written since then may be half of a text, and libpq would say a password
  // aloud that it takes for something else.
  if (url != settings.url.reveal() && !is_connection_text(current.secret)) {
    failure_.condition = SqlCondition::kConnectionLost;
    return fail(
        code_of_(failure_.condition),
        "the file of `url` was written anew, and what it holds is not, or not yet, postgresql://user@host/database"
        " or libpq's keywords; in a URL, / ? # @ : and % of a password are written as %2F %3F %23 %40 %3A %25");
  }
  const std::optional<Secret> password = parse_password(url);
  if (!password) {
    failure_.condition = SqlCondition::kDefect;
    return fail(codes::kConfigInvalid, "the URL of the database can't be parsed as postgresql://… or libpq keywords");
  }
  const char* keywords[] = {"dbname",           "application_name",    "client_encoding",
                            "keepalives_idle",  "keepalives_interval", "keepalives_count",
                            "tcp_user_timeout", "replication",         nullptr};
  const bool streams = settings.kind == SessionSettings::Kind::kReplication;
  // Empty is not sent: a pooler refuses a client that so much as names it.
  const char* values[] = {url.c_str(), settings.application_name.c_str(), "UTF8", "2", "1", "3",
                          "5000",      streams ? "database" : "",         nullptr};
  waiting_since_ = looked_at_ = std::chrono::steady_clock::now();
  connection_ = PQconnectStartParams(keywords, values, 1);
  INVARIANT(connection_ != nullptr, "libpq has memory for a connection");
  PQsetErrorVerbosity(connection_, PQERRORS_VERBOSE);
  PQsetNoticeProcessor(
      connection_, [](void*, const char*) {}, nullptr);
  auto awaited = PGRES_POLLING_WRITING;
  while (PQstatus(connection_) != CONNECTION_BAD && awaited != PGRES_POLLING_OK && awaited != PGRES_POLLING_FAILED) {
    const auto events = awaited == PGRES_POLLING_READING ? Awaited::kReadable : Awaited::kReadableOrWritable;
    if (auto ready = wait_for_server(events, deadline, stop); !ready)
      return fail(std::move(ready.error()).with_context("connecting to the database"));
    awaited = PQconnectPoll(connection_);
  }
  if (PQstatus(connection_) == CONNECTION_OK) {
    PQsetErrorVerbosity(connection_, PQERRORS_DEFAULT);
    PQsetnonblocking(connection_, 1);
    return {};
  }
  const ConnectFailure failure = read_connect_failure(PQerrorMessage(connection_));
  const auto password_need = PQconnectionNeedsPassword(connection_) != 0 ? Password::kWanted : Password::kNotWanted;
  failure_ = {condition_of(failure, password_need), failure.sqlstate, "", 0};
  close();
  const std::string not_read = current.fault.empty() ? "" : "; `url` could not be read again: " + current.fault;
  return fail(code_of_(failure_.condition), without(failure.words, *password) + not_read);
}

Status Session::apply_settings(const SessionSettings& settings, Deadline deadline, std::stop_token stop) {
  if (PQserverVersion(connection_) < kOldestServer) {
    failure_.condition = SqlCondition::kUnsupported;
    const std::string version = std::to_string(PQserverVersion(connection_) / 10'000);
    close();
    return fail(code_of_(failure_.condition), "the server is PostgreSQL " + version + ", 14 or newer is needed");
  }
  // A pooler greets with a number of its own, and may give every transaction another backend: locks and LISTEN would be
  // somebody else's by then, and so would our settings. Whether it does can't be told from here.
  const auto backend = execute("SELECT pg_catalog.pg_backend_pid()", deadline, stop);
  if (!backend) return fail(backend.error());
  if (backend->integer(0, 0) != PQbackendPID(connection_)) {
    failure_.condition = SqlCondition::kConnectionLost;
    close();
    return fail(
        code_of_(failure_.condition),
        "the server is reached through a pooler such as PgBouncer, and is refused in every pool mode: in some a "
        "session's locks don't hold, and which one it is can't be told from here. Name the server itself in the URL");
  }
  const char* const encoding = PQparameterStatus(connection_, "server_encoding");
  server_.checks_texts = settings.texts == SessionSettings::Texts::kUtf8 || encoding == nullptr ||
                         std::string_view(encoding) != "SQL_ASCII";
  const std::string as_stored = server_.checks_texts ? "" : "SET client_encoding = 'SQL_ASCII';";
  auto facts = execute(settings_sql(settings) + as_stored + std::string(kFactsSql), deadline, std::move(stop));
  if (!facts) return fail(std::move(facts.error()));
  server_.version = static_cast<int>(facts->integer(0, 0));
  server_.pid = facts->integer(0, 1);
  server_.backend_start = facts->bytes(0, 2);
  server_.system_identifier = facts->bytes(0, 3);
  if (facts->is_null(0, 4)) {
    server_.role = ServerFacts::Role::kStandby;
  } else {
    const std::string_view hex = facts->bytes(0, 4);
    std::from_chars(hex.data(), hex.data() + hex.size(), server_.timeline, 16);
  }
  return {};
}

}  // namespace penstock::store::postgres
