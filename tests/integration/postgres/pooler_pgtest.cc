// A pooler before the server. Every part of the program opens its sessions in the same way.
#include <gmock/gmock.h>

#include "store/postgres/session.h"
#include "tests/integration/cli/program.h"
#include "tests/support/server_port.h"
#include "tests/support/servers.h"

namespace penstock::store::postgres {
namespace {

using tests::Server;
using tests::ServerControl;

class Pooler : public testing::Test {
 protected:
  void SetUp() override {
    PENSTOCK_NEEDS(Server::kPostgres);
    if (!ServerControl::available()) GTEST_SKIP() << "PENSTOCK_TEST_SERVERS is not set: no pooler can be started";
    ServerControl::run({"start", "pgbouncer"});
    url_ = "postgresql://postgres@127.0.0.1:" + tests::port_of_server("pgbouncer") + "/" + database_.name();
  }
  void TearDown() override {
    if (ServerControl::available()) ServerControl::run({"stop", "pgbouncer"});
  }
  Result<std::unique_ptr<Session>> open(SessionSettings::Kind kind) const {
    SessionSettings settings;
    settings.url = Secret(url_);
    settings.kind = kind;
    return Session::open(settings, Deadline::in(std::chrono::seconds(10)));
  }

  tests::FreshDatabase database_;
  std::string url_;
};

// Fault 23: PgBouncer in transaction mode. Without the check everything seems to work, and two relays hold one lock.
TEST_F(Pooler, Fault23IsRefusedAndLeftAsItWas) {
  ASSERT_EQ(tests::run_sql(url_, "SELECT 1"), "1");
  const std::string before = tests::run_sql(url_, "SHOW statement_timeout");
  const auto session = open(SessionSettings::Kind::kOrdinary);
  ASSERT_FALSE(session);
  EXPECT_EQ(session.error().kind(), ErrorKind::kUnavailable);
  EXPECT_THAT(session.error().message(),
              testing::AllOf(testing::HasSubstr("through a pooler"), testing::HasSubstr("Name the server itself")));
  EXPECT_EQ(tests::run_sql(url_, "SHOW statement_timeout"), before);
}

TEST_F(Pooler, Fault23IsRefusedForTheLogToo) { EXPECT_FALSE(open(SessionSettings::Kind::kReplication)); }

TEST_F(Pooler, Fault23IsMendedByWhatValidateSaysOfTheStore) {
  tests::ProgramFolder folder;
  folder.write("penstock.toml", "[store]\nurl = \"" + url_ + "\"\n");
  const std::string found = folder.call({"validate"}).out;
  EXPECT_THAT(found, testing::HasSubstr("through a pooler"));
  EXPECT_THAT(found, testing::HasSubstr("Name the server itself in [store] url, with its own port."));
}

}  // namespace
}  // namespace penstock::store::postgres
