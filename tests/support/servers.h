// The servers that a test run may use, found through the environment that `scripts/servers` prints.
// A test that needs one says so first:
//   PENSTOCK_NEEDS(Server::kPostgres);
// A missing server skips the test with the reason, and fails it where CI is set.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::tests {

enum class Server : std::uint8_t { kPostgres, kKafka, kRabbitMq };

// Postgres: URL of a superuser's maintenance database; Kafka: host:port; RabbitMQ: an amqp URL. Empty when there is
// none.
std::string address_of(Server server);

// Why the server can't be used, in words; empty when it can.
std::string reason_missing(Server server);

// True where a missing server is a failure instead of a skip.
bool servers_are_mandatory();

// `prefix` and sixteen random hex digits, joined by `-`: for topics, exchanges, queues and routes.
std::string unique_name(std::string_view prefix);

// Runs statements in a session of their own; answers the first column of the first row as text, empty when there is no
// row or it is null. Throws std::runtime_error with the server's words.
std::string run_sql(const std::string& url, const std::string& sql);
// The URL of another database on the same server.
std::string with_database(const std::string& url, const std::string& database);

// A database of its own for one test, on the server of PENSTOCK_TEST_POSTGRES; dropped at the end, together with the
// sessions that are still in it. Throws std::runtime_error with the server's words when that fails.
class FreshDatabase {
 public:
  enum class Encoding { kUtf8, kSqlAscii, kLatin1, kWin1251, kEucJp };
  explicit FreshDatabase(Encoding encoding = Encoding::kUtf8);
  ~FreshDatabase();
  FreshDatabase(const FreshDatabase&) = delete;
  FreshDatabase& operator=(const FreshDatabase&) = delete;

  const std::string& name() const { return name_; }
  const std::string& url() const { return url_; }  // as superuser

  // Runs statements in a session of their own.
  void execute(const std::string& sql) const;
  // First column of the first row as text; empty when there is no row or it is null.
  std::string value(const std::string& sql) const;

 private:
  std::string name_, url_;
};

// Faults, through `scripts/servers`; each waits until it is done, and throws std::runtime_error when it isn't.
// Only for suites that run alone (fault, e2e): other tests use the same servers.
class ServerControl {
 public:
  // False where the servers were not started by `scripts/servers`.
  static bool available();

  static void crash_and_restart_postgres();  // -m immediate, then recovery
  static void kill(Server server);           // SIGKILL
  static void start(Server server);          // same ports, same data
  static void restart(Server server);        // orderly
  static void rabbitmqctl(const std::vector<std::string>& arguments);
  // `scripts/servers` with these arguments, for what else it can do, and the folder where it keeps its state.
  static void run(std::vector<std::string> arguments);
  static std::string folder();
};

}  // namespace penstock::tests

#define PENSTOCK_NEEDS(server)                                                                   \
  do {                                                                                           \
    if (const std::string reason = ::penstock::tests::reason_missing(server); !reason.empty()) { \
      if (::penstock::tests::servers_are_mandatory()) FAIL() << reason;                          \
      GTEST_SKIP() << reason;                                                                    \
    }                                                                                            \
  } while (false)
