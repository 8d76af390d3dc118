#include <thread>

#include "store/postgres/migrator.h"
#include "tests/integration/postgres/store_fixture.h"

namespace penstock::store::postgres {
namespace {

class PostgresMigration : public StoreFixture {};

TEST_F(PostgresMigration, PlansEverythingForAnEmptyDatabase) {
  const auto plan = open()->plan_migration();
  ASSERT_TRUE(plan) << plan.error().describe();
  EXPECT_EQ(plan->current, 0);
  EXPECT_EQ(plan->pending.size(), embedded_migrations().size());
  EXPECT_EQ(value("SELECT count(*) FROM pg_namespace WHERE nspname = 'penstock'"), "0");
}

TEST_F(PostgresMigration, ShowsTheSqlAsItWouldRun) {
  const auto plan = open({.schema = "My \"own\""})->plan_migration();
  ASSERT_TRUE(plan);
  EXPECT_NE(plan->pending[0].sql.find(R"(CREATE TABLE "My ""own""".events)"), std::string::npos);
  EXPECT_EQ(plan->pending[0].sql.find("@schema@"), plan->pending[0].sql.find("@schema@ stands"));
}

TEST_F(PostgresMigration, LeavesAMigratedDatabaseAlone) {
  auto store = open_migrated();
  ASSERT_TRUE(store->migrate());
  EXPECT_EQ(value("SELECT count(*) FROM penstock.migrations"), std::to_string(embedded_migrations().size()));
  EXPECT_TRUE(store->plan_migration()->pending.empty());
}

TEST_F(PostgresMigration, IsRunOnceByProgramsThatStartTogether) {
  std::vector<std::unique_ptr<Store>> programs;
  for (int i = 0; i < 4; ++i) programs.push_back(open());
  std::vector<std::jthread> threads;
  for (auto& program : programs)
    threads.emplace_back([&program] {
      const Status migrated = program->migrate();
      EXPECT_TRUE(migrated) << (migrated ? "" : migrated.error().describe());
    });
  threads.clear();
  EXPECT_EQ(value("SELECT count(*) FROM penstock.migrations"), std::to_string(embedded_migrations().size()));
}

TEST_F(PostgresMigration, LivesInASchemaOfAnyName) {
  auto store = open({.schema = R"(it's "odd"; DROP)"});
  ASSERT_TRUE(store->migrate());
  EXPECT_EQ(append_all(*store, {request("order-1"), request("order-2", 40)}), std::vector<std::string>(2, "ok"));
  EXPECT_EQ(store->log().head(), Position{41});
  EXPECT_EQ(code_of(store->leases().take("route/a", "me")), "ok");
  EXPECT_EQ(append_all(*store, {request("order-1")}), std::vector<std::string>{"ok"});
  EXPECT_EQ(value(R"(SELECT "it's ""odd""; DROP".await_inbox(10) IS NULL)"), "t");
}

TEST_F(PostgresMigration, UsesASchemaThatAnAdministratorMade) {
  execute(
      "DROP ROLE IF EXISTS penstock_migrates; CREATE ROLE penstock_migrates LOGIN;"
      "CREATE SCHEMA penstock AUTHORIZATION penstock_migrates");
  auto store = open({.url = Secret(url() + "?user=penstock_migrates")});
  const Status migrated = store->migrate();
  EXPECT_TRUE(migrated) << migrated.error().describe();
  EXPECT_EQ(append_all(*store, {request("order-1")}), std::vector<std::string>{"ok"});
  store.reset();
  execute("DROP OWNED BY penstock_migrates; DROP ROLE penstock_migrates");
}

TEST_F(PostgresMigration, RefusesASchemaThatIsTooNew) {
  auto store = open_migrated();
  execute("INSERT INTO penstock.migrations (number, name) VALUES (9999, 'from_the_future')");
  const Status migrated = store->migrate();
  EXPECT_EQ(code_of(migrated), "store.schema_too_new");
  EXPECT_NE(migrated.error().message().find("9999"), std::string::npos) << migrated.error().message();
  EXPECT_EQ(code_of(store->plan_migration()), "store.schema_too_new");
  EXPECT_EQ(code_of(store->events().append_and_wait(request("order-1"), soon())), "store.schema_too_new");
  EXPECT_EQ(code_of(store->log().head()), "store.schema_too_new");
}

TEST_F(PostgresMigration, IsAskedForWhereItIsMissing) {
  auto store = open();
  EXPECT_EQ(code_of(store->events().append_and_wait(request("order-1"), soon())), "store.schema_missing");
  EXPECT_EQ(code_of(store->events().counts()), "store.schema_missing");
  ASSERT_TRUE(store->migrate());
  EXPECT_EQ(code_of(store->events().append_and_wait(request("order-1"), soon())), "ok");
}

TEST_F(PostgresMigration, RefusesSchemaNamesThatPostgresKeepsOrThatCantBeQuoted) {
  for (const std::string name : {"", "pg_mine", "a$b", "a@b", "line\nbreak"}) {
    const auto store = make_postgres_store({.url = Secret(url()), .schema = name}, "test", log_);
    EXPECT_EQ(code_of(store), "config.invalid") << name;
  }
  EXPECT_EQ(code_of(make_postgres_store({.schema = std::string(64, 'a')}, "test", log_)), "config.invalid");
}

TEST_F(PostgresMigration, KeepsEventsFromBeingChanged) {
  auto store = open_migrated();
  append_all(*store, {request("order-1")});
  for (const char* change : {"UPDATE penstock.events SET type = 'x'",
                             "SET penstock.scavenging = 'on'; UPDATE penstock.events SET type = 'x'",
                             "DELETE FROM penstock.events", "TRUNCATE penstock.events"})
    EXPECT_ANY_THROW(execute(change)) << change;
  EXPECT_EQ(value("SELECT count(*) FROM penstock.events"), "1");
}

TEST_F(PostgresMigration, KeepsStreamsAndTheHeadInBounds) {
  auto store = open_migrated();
  append_all(*store, {request("order-1")});
  for (const char* change :
       {"UPDATE penstock.streams SET state = 'lost'", "UPDATE penstock.streams SET max_count = 0",
        "UPDATE penstock.streams SET max_age = -1",
        "INSERT INTO penstock.streams (name, category, version, max_count) VALUES ('a', 'a', 0, 0)",
        "UPDATE penstock.head SET id = 2",
        "INSERT INTO penstock.head SELECT 2, position, floor, streams, incarnation, system_identifier, timeline,"
        " recorded_at FROM penstock.head"})
    EXPECT_ANY_THROW(execute(change)) << change;
  EXPECT_EQ(value("SELECT count(*) || state FROM penstock.streams GROUP BY state"), "1live");
  EXPECT_EQ(value("SELECT string_agg(id::text, ' ') FROM penstock.head"), "1");
  execute("UPDATE penstock.streams SET max_count = 5, max_age = 5");
}

}  // namespace
}  // namespace penstock::store::postgres
