// What only a PostgreSQL source has to show: who holds it back, and how its slot fares.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/cli/scrape.h"
#include "tests/integration/outbox/outbox_fixture.h"
#include "tests/support/wal_outbox.h"

namespace penstock::tests {
namespace {

// One source into a store of its own.
std::string configuration(const std::string& source, const std::string& url) {
  return R"(
[store]
url = "sqlite:events.db"
[metrics]
listen = "127.0.0.1:0"
[[route]]
from = "orders"
to = "store"
[[source]]
name = "orders"
table = "shop.outbox"
profile = "debezium"
order_by = "seq"
url = ")" +
         url + "\"\n" + source;
}

// Pitfalls: "xmin horizon held".
TEST(MetricsOfAnOutbox, Fault9NameTheTransactionThatHoldsItBack) {
  PENSTOCK_NEEDS(Server::kPostgres);
  const PostgresOutbox outbox;
  ProgramFolder folder;
  folder.write("penstock.toml",
               configuration("kind = \"outbox\"\npolicy = \"cursor\"\nguard = \"writers\"\n", outbox.url()));
  RunningProgram program(folder, "run", {"run"});
  ASSERT_TRUE(shows(program, "penstock_source_up{source=\"orders\"} 1\n")) << program.err();
  EXPECT_EQ(scrape(program).find("penstock_source_held_back_seconds"), std::string::npos);

  Writer late(outbox.url());
  late.run("SET application_name = 'nightly \"report\"'; BEGIN");
  late.insert("a", 1);
  const std::string pid = late.run("SELECT pg_backend_pid()");
  Writer(outbox.url()).insert("b", 2);
  EXPECT_TRUE(shows(program, "penstock_source_held_back_seconds{source=\"orders\",pid=\"" + pid +
                                 R"(",application="nightly \"report\"",age="known"} )"))
      << scrape(program) << program.err();
  late.run("COMMIT");
  EXPECT_TRUE(stops_showing(program, "penstock_source_held_back_seconds"));
  EXPECT_TRUE(shows(program, "penstock_route_delivered_events_total{route=\"orders-to-store\"} 2\n"));
}

TEST(MetricsOfTheLog, ShowTheSlotAndTheHeartbeat) {
  PENSTOCK_NEEDS(Server::kPostgres);
  WalOutbox outbox;
  outbox.create_publication_and_slot();
  ProgramFolder folder;
  folder.write(
      "penstock.toml",
      configuration("kind = \"wal\"\nslot = \"" + outbox.settings().slot + "\"\npublication = \"p\"\n", outbox.url()));
  RunningProgram program(folder, "run", {"run"});
  outbox.insert("a", 1);
  EXPECT_TRUE(shows(program, "penstock_route_delivered_events_total{route=\"orders-to-store\"} 1\n")) << program.err();
  EXPECT_TRUE(shows(program, "penstock_slot_status{source=\"orders\",status=\"reserved\"} 1\n")) << scrape(program);
  EXPECT_TRUE(shows(program, "penstock_slot_retained_wal_bytes{source=\"orders\"} "));
  EXPECT_TRUE(shows(program, "penstock_source_heartbeat_round_trip_seconds{source=\"orders\"} ")) << scrape(program);
}

}  // namespace
}  // namespace penstock::tests
