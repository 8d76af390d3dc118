#include "tests/support/servers.h"

#include <fmt/format.h>
#include <libpq-fe.h>
#include <spawn.h>
#include <sys/wait.h>

#include <cstdlib>
#include <memory>
#include <random>
#include <stdexcept>

extern char** environ;

namespace penstock::tests {
namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

const char* variable_of(Server server) {
  switch (server) {
    case Server::kPostgres: return "PENSTOCK_TEST_POSTGRES";
    case Server::kKafka: return "PENSTOCK_TEST_KAFKA";
    case Server::kRabbitMq: return "PENSTOCK_TEST_RABBITMQ";
  }
  return "";
}

const char* name_of(Server server) {
  switch (server) {
    case Server::kPostgres: return "postgres";
    case Server::kKafka: return "kafka";
    case Server::kRabbitMq: return "rabbitmq";
  }
  return "";
}

const char* name_of(FreshDatabase::Encoding encoding) {
  switch (encoding) {
    case FreshDatabase::Encoding::kUtf8: return "UTF8";
    case FreshDatabase::Encoding::kSqlAscii: return "SQL_ASCII";
    case FreshDatabase::Encoding::kLatin1: return "LATIN1";
    case FreshDatabase::Encoding::kWin1251: return "WIN1251";
    case FreshDatabase::Encoding::kEucJp: return "EUC_JP";
  }
  return "";
}

struct FinishConnection {
  void operator()(PGconn* connection) const { PQfinish(connection); }
};
struct ClearResult {
  void operator()(PGresult* result) const { PQclear(result); }
};
using Connection = std::unique_ptr<PGconn, FinishConnection>;
using Rows = std::unique_ptr<PGresult, ClearResult>;

Rows query(const std::string& url, const std::string& sql) {
  Connection connection(PQconnectdb(url.c_str()));
  if (PQstatus(connection.get()) != CONNECTION_OK) throw std::runtime_error(PQerrorMessage(connection.get()));
  Rows rows(PQexec(connection.get(), sql.c_str()));
  const ExecStatusType status = PQresultStatus(rows.get());
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_EMPTY_QUERY) {
    throw std::runtime_error(PQerrorMessage(connection.get()));
  }
  return rows;
}

std::string random_digits() {
  std::random_device device;
  const std::uint64_t number = (static_cast<std::uint64_t>(device()) << 32U) | device();
  return fmt::format("{:016x}", number);
}

void run_servers(std::vector<std::string> arguments) {
  const std::string folder = environment("PENSTOCK_TEST_SERVERS");
  arguments.insert(arguments.begin(), {PENSTOCK_SOURCE_FOLDER "/scripts/servers", "--dir", folder});
  std::vector<char*> pointers;
  std::string shown;
  for (std::string& argument : arguments) {
    pointers.push_back(argument.data());
    shown += argument + ' ';
  }
  pointers.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
  pid_t child = 0;
  const int refused = posix_spawn(&child, pointers[0], &actions, nullptr, pointers.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  int status = 0;
  if (refused != 0 || waitpid(child, &status, 0) != child || status != 0) throw std::runtime_error(shown + "failed");
}

}  // namespace

std::string address_of(Server server) { return environment(variable_of(server)); }

std::string reason_missing(Server server) {
  if (!address_of(server).empty()) return {};
  return fmt::format("{} is not set: eval \"$(scripts/servers start {})\"", variable_of(server), name_of(server));
}

bool servers_are_mandatory() { return !environment("CI").empty(); }

std::string run_sql(const std::string& url, const std::string& sql) {
  const Rows rows = query(url, sql);
  if (PQntuples(rows.get()) == 0 || PQnfields(rows.get()) == 0) return {};
  return {PQgetvalue(rows.get(), 0, 0), static_cast<std::size_t>(PQgetlength(rows.get(), 0, 0))};
}

// The path is what stands behind the last slash.
std::string with_database(const std::string& url, const std::string& database) {
  return url.substr(0, url.rfind('/') + 1) + database;
}

std::string unique_name(std::string_view prefix) { return fmt::format("{}-{}", prefix, random_digits()); }

FreshDatabase::FreshDatabase(Encoding encoding)
    : name_("penstock_test_" + random_digits()), url_(with_database(address_of(Server::kPostgres), name_)) {
  const std::string options =
      encoding == Encoding::kUtf8
          ? ""
          : fmt::format(" encoding '{}' lc_collate 'C' lc_ctype 'C' template template0", name_of(encoding));
  query(address_of(Server::kPostgres), "create database " + name_ + options);
}

FreshDatabase::~FreshDatabase() {
  try {
    query(address_of(Server::kPostgres), "drop database if exists " + name_ + " with (force)");
  } catch (const std::runtime_error& error) {
    ADD_FAILURE() << "dropping " << name_ << ": " << error.what();
  }
}

void FreshDatabase::execute(const std::string& sql) const { query(url_, sql); }

std::string FreshDatabase::value(const std::string& sql) const { return run_sql(url_, sql); }

bool ServerControl::available() { return !folder().empty(); }

void ServerControl::crash_and_restart_postgres() { run_servers({"restart", "--immediate", "postgres"}); }
void ServerControl::kill(Server server) { run_servers({"kill", name_of(server)}); }
void ServerControl::start(Server server) { run_servers({"start", name_of(server)}); }
void ServerControl::restart(Server server) { run_servers({"restart", name_of(server)}); }

void ServerControl::run(std::vector<std::string> arguments) { run_servers(std::move(arguments)); }
std::string ServerControl::folder() { return environment("PENSTOCK_TEST_SERVERS"); }

void ServerControl::rabbitmqctl(const std::vector<std::string>& arguments) {
  std::vector<std::string> all{"rabbitmqctl"};
  all.insert(all.end(), arguments.begin(), arguments.end());
  run_servers(std::move(all));
}

}  // namespace penstock::tests
