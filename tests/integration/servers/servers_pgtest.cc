#include <string>

#include "tests/support/servers.h"

namespace penstock::tests {
namespace {

TEST(FreshDatabase, IsEmptyAndDurable) {
  PENSTOCK_NEEDS(Server::kPostgres);
  const FreshDatabase database;
  EXPECT_EQ(database.value("select current_database()"), database.name());
  EXPECT_EQ(database.value("select count(*) from pg_stat_user_tables"), "0");
  EXPECT_EQ(database.value("show fsync"), "on");
}

TEST(FreshDatabase, IsDroppedThoughASessionIsStillInIt) {
  PENSTOCK_NEEDS(Server::kPostgres);
  const FreshDatabase witness;
  std::string name;
  {
    const FreshDatabase database;
    name = database.name();
    database.execute("create table t (x int); insert into t values (1)");
  }
  EXPECT_EQ(witness.value("select count(*) from pg_database where datname = '" + name + "'"), "0");
}

TEST(FreshDatabase, SaysTheServersWordsWhenAStatementFails) {
  PENSTOCK_NEEDS(Server::kPostgres);
  const FreshDatabase database;
  try {
    database.execute("select * from nowhere");
    FAIL() << "expected the statement to fail";
  } catch (const std::runtime_error& error) {
    EXPECT_NE(std::string(error.what()).find("nowhere"), std::string::npos);
  }
}

TEST(UniqueName, KeepsItsPrefixAndDiffersEachTime) {
  const std::string first = unique_name("orders");
  EXPECT_TRUE(first.starts_with("orders-"));
  EXPECT_NE(first, unique_name("orders"));
}

}  // namespace
}  // namespace penstock::tests
