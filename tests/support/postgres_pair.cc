#include "tests/support/postgres_pair.h"

#include <chrono>
#include <stdexcept>
#include <thread>

#include "core/clock.h"
#include "tests/support/server_port.h"
#include "tests/support/servers.h"

namespace penstock::tests {
namespace {

constexpr std::chrono::seconds kPatience{30};

void await(const std::string& url, const std::string& sql, const std::string& value) {
  const Deadline deadline = Deadline::in(kPatience);
  while (run_sql(url, sql) != value) {
    if (deadline.expired()) throw std::runtime_error("is not " + value + ": " + sql);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

}  // namespace

PostgresPair::PostgresPair() {
  ServerControl::run({"stop", "standby", "primary"});
  ServerControl::run({"start", "primary", "standby"});
  const std::string primary = "127.0.0.1:" + port_of_server("primary"),
                    standby = "127.0.0.1:" + port_of_server("standby");
  run_sql("postgresql://postgres@" + primary + "/postgres", "CREATE DATABASE app");
  primary_ = "postgresql://postgres@" + primary + "/app";
  standby_ = "postgresql://postgres@" + standby + "/app";
  url_ = "postgresql://postgres@" + primary + "," + standby + "/app?target_session_attrs=read-write";
  await_standby();
}

PostgresPair::~PostgresPair() {
  try {
    ServerControl::run({"stop", "standby", "primary"});
  } catch (const std::runtime_error& error) {
    ADD_FAILURE() << error.what();
  }
}

std::uint16_t PostgresPair::standby_port() const {
  return static_cast<std::uint16_t>(std::stoi(port_of_server("standby")));
}

std::string PostgresPair::value(const std::string& sql) const { return run_sql(url_, sql); }

void PostgresPair::await_standby() const {
  const std::string end = run_sql(primary_, "SELECT pg_current_wal_flush_lsn()");
  await(with_database(standby_, "postgres"), "SELECT pg_last_wal_replay_lsn() >= '" + end + "'", "t");
}

void PostgresPair::cut() const {
  run_sql(standby_, "ALTER SYSTEM SET primary_conninfo = ''");
  run_sql(standby_, "SELECT pg_reload_conf()");
  await(standby_, "SELECT count(*) FROM pg_stat_wal_receiver", "0");
}

void PostgresPair::fail_over() const {
  ServerControl::run({"kill", "primary"});
  if (run_sql(standby_, "SELECT pg_promote()") != "t") throw std::runtime_error("the standby was not promoted");
}

void PostgresPair::revive_primary() const { ServerControl::run({"start", "primary"}); }

}  // namespace penstock::tests
