// The primary is lost and its asynchronous standby promoted, while programs append through the store and services by
// SQL.
#include <gtest/gtest.h>

#include "store/postgres/postgres_store.h"
#include "tests/support/eventually.h"
#include "tests/support/postgres_pair.h"
#include "tests/support/recording_log.h"
#include "tests/support/servers.h"

namespace penstock::tests {
namespace {

class StoreFailover : public testing::Test {
 protected:
  void SetUp() override {
    PENSTOCK_NEEDS(Server::kPostgres);
    if (!ServerControl::available()) GTEST_SKIP() << "PENSTOCK_TEST_SERVERS is not set: no primary can be lost";
    servers_ = std::make_unique<PostgresPair>();
    store_ = open();
    ASSERT_TRUE(store_->migrate());
  }

  std::unique_ptr<store::Store> open() {
    store::StoreSettings settings;
    settings.url = Secret(servers_->url());
    return std::move(store::postgres::make_postgres_store(std::move(settings), "test", log_).value());
  }
  Result<store::AppendReceipt> append(store::Store& store, int number,
                                      std::optional<std::uint64_t> generation = std::nullopt) {
    store::AppendRequest request;
    request.events = {make_event({.id = id_of(number), .stream = "a-1", .category = "a", .type = "placed"})};
    request.generation = generation;
    return store.events().append_and_wait(std::move(request), Deadline::in(std::chrono::seconds(30)));
  }
  static EventId id_of(int number) { return EventId::from_name(kNamespaceUrl, std::to_string(number)); }

  RecordingLog log_;
  std::unique_ptr<PostgresPair> servers_;
  std::unique_ptr<store::Store> store_;
};

// To end the backend that waits for a standby ends its wait, and what it wrote is then seen: on this server alone.
TEST_F(StoreFailover, AcknowledgesNothingThatNoSynchronousStandbyConfirms) {
  const auto wait_for_standby = [&](const std::string& name) {
    run_sql(servers_->primary_url(), "ALTER SYSTEM SET synchronous_standby_names = '" + name + "'");
    run_sql(servers_->primary_url(), "SELECT pg_reload_conf()");
    return eventually([&] { return servers_->value("SHOW synchronous_standby_names") == name; });
  };
  ASSERT_TRUE(wait_for_standby("nobody"));
  const auto alone = append(*store_, 1);
  ASSERT_FALSE(alone);
  EXPECT_EQ(alone.error().code().name, "store.in_doubt") << alone.error().describe();
  ASSERT_TRUE(wait_for_standby(""));
  const auto again = append(*store_, 1);
  ASSERT_TRUE(again) << again.error().describe();
  EXPECT_EQ(again->last_position, Position{1});
  EXPECT_EQ(servers_->value("SELECT count(*) FROM penstock.events"), "1");
}

TEST_F(StoreFailover, NamesWhatWasAcknowledgedToClientsAndIsGone) {
  for (const int n : {1, 2, 3}) ASSERT_TRUE(append(*store_, n));
  servers_->await_standby();
  servers_->cut();
  for (const int n : {4, 5}) ASSERT_TRUE(append(*store_, n));
  servers_->fail_over();

  const auto next = append(*store_, 6);
  ASSERT_TRUE(next) << next.error().describe();
  EXPECT_EQ(next->last_position, Position{4}) << "the position of what was lost is given out again";
  const auto gaps = store_->gaps().list(0, 10);
  ASSERT_TRUE(gaps);
  ASSERT_EQ(gaps->size(), 1u) << log_.text();
  EXPECT_EQ(gaps->front().route, store::kClients);
  EXPECT_EQ(gaps->front().from, Position{4});
  EXPECT_EQ(gaps->front().to, Position{5});
  EXPECT_EQ(gaps->front().events, (std::vector{id_of(4), id_of(5)}));
  EXPECT_EQ(log_.count(LogLevel::kError), 1u) << log_.text();
  EXPECT_EQ(append(*store_, 4)->origin, store::AppendReceipt::Origin::kWritten) << "a client may send it again";
}

TEST_F(StoreFailover, RecordsNothingWhereNothingIsGone) {
  for (const int n : {1, 2, 3}) ASSERT_TRUE(append(*store_, n));
  servers_->await_standby();
  servers_->fail_over();
  EXPECT_EQ(append(*store_, 3)->origin, store::AppendReceipt::Origin::kKnown);
  EXPECT_EQ(append(*store_, 4)->last_position, Position{4});
  EXPECT_TRUE(store_->gaps().list(0, 10)->empty());
  EXPECT_EQ(store_->identity()->incarnation, 2);
}

TEST_F(StoreFailover, RefusesWhoHasNotComparedTheLog) {
  const std::uint64_t generation = store_->log().generation();
  ASSERT_TRUE(append(*store_, 1, generation));
  servers_->await_standby();
  servers_->fail_over();
  const auto refused = append(*store_, 2, generation);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code().name, "store.fenced") << refused.error().describe();
  EXPECT_NE(store_->log().generation(), generation);
  EXPECT_EQ(append(*store_, 2, store_->log().generation())->last_position, Position{2});
}

TEST_F(StoreFailover, GivesPositionsToWhatServicesAppendedBefore) {
  run_sql(servers_->url(), "SELECT penstock.append('b-1', 'placed', '{}'::jsonb)");
  servers_->await_standby();
  servers_->fail_over();
  EXPECT_EQ(servers_->value("SELECT incarnation FROM penstock.inbox"), "1");
  const auto after = open();
  EXPECT_EQ(append(*after, 1)->last_position, Position{2});
  EXPECT_EQ(servers_->value("SELECT string_agg(stream, ' ' ORDER BY position) FROM penstock.events"), "b-1 a-1");
  EXPECT_EQ(servers_->value("SELECT count(*) FROM penstock.inbox"), "0");
}

}  // namespace
}  // namespace penstock::tests
