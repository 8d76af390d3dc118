// What `penstock doctor` finds about the database of a wal source.
#include <gmock/gmock.h>

#include <string>

#include "tests/integration/wal/wal_reader.h"
#include "tests/support/test_role.h"

namespace penstock::tests {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class WalDoctor : public testing::Test {
 protected:
  void SetUp() override {
    PENSTOCK_NEEDS(Server::kPostgres);
    outbox_ = std::make_unique<WalOutbox>();
  }

  std::unique_ptr<WalOutbox> outbox_;
};

// A role without any rights, of the whole test server.
class AmazonsRole {
 public:
  explicit AmazonsRole(const WalOutbox& outbox) : outbox_(outbox) {
    outbox_.execute("DROP ROLE IF EXISTS rds_replication; CREATE ROLE rds_replication");
  }
  ~AmazonsRole() { outbox_.execute("DROP ROLE rds_replication"); }
  AmazonsRole(const AmazonsRole&) = delete;
  AmazonsRole& operator=(const AmazonsRole&) = delete;

 private:
  const WalOutbox& outbox_;
};

TEST_F(WalDoctor, WarnsOfASlotWithoutLimitBeforeItIsMade) {
  if (outbox_->value("SHOW max_slot_wal_keep_size") != "-1") GTEST_SKIP() << "the server has a limit";
  EXPECT_THAT(findings_of(*outbox_), HasSubstr("max_slot_wal_keep_size is unlimited"));
}

// Pitfall "replica identity": the services' own statements fail.
TEST_F(WalDoctor, FindsAPublicationThatHindersTheServices) {
  outbox_->execute("ALTER TABLE shop.outbox DROP CONSTRAINT outbox_pkey; CREATE PUBLICATION p FOR TABLE shop.outbox");
  EXPECT_THAT(findings_of(*outbox_), HasSubstr("no replica identity"));
  outbox_->execute("ALTER TABLE shop.outbox REPLICA IDENTITY FULL");
  EXPECT_THAT(findings_of(*outbox_), Not(HasSubstr("replica identity")));
  outbox_->execute("ALTER TABLE shop.outbox REPLICA IDENTITY DEFAULT; ALTER PUBLICATION p SET (publish = 'insert')");
  EXPECT_THAT(findings_of(*outbox_), Not(HasSubstr("replica identity")));
  outbox_->execute(
      "ALTER PUBLICATION p SET (publish = 'insert, delete'); ALTER TABLE shop.outbox ADD PRIMARY KEY (id)");
  EXPECT_THAT(findings_of(*outbox_), Not(HasSubstr("replica identity")));
}

// It may have other readers.
TEST_F(WalDoctor, AddsInsertsToWhatAPublicationPublishes) {
  outbox_->execute("CREATE PUBLICATION p FOR TABLE shop.outbox WITH (publish = 'update, truncate')");
  EXPECT_THAT(findings_of(*outbox_), HasSubstr("SET (publish = 'insert, update, truncate');"));
}

TEST_F(WalDoctor, NamesTheKindOfASlotThatCantBeRead) {
  outbox_->execute("SELECT pg_create_physical_replication_slot('" + outbox_->settings().slot + "')");
  EXPECT_THAT(findings_of(*outbox_), AllOf(HasSubstr("is physical, of plugin none"), Not(HasSubstr("invalidated"))));
}

// The server makes their values, and leaves them out of what it publishes.
TEST_F(WalDoctor, FindsMappedColumnsThatAreGenerated) {
  if (std::stoi(outbox_->value("SHOW server_version_num")) >= 180'000) GTEST_SKIP() << "the server can publish them";
  outbox_->execute(
      "ALTER TABLE shop.outbox DROP COLUMN payload;"
      "ALTER TABLE shop.outbox ADD COLUMN payload text GENERATED ALWAYS AS (aggregateid || '!') STORED;"
      "CREATE PUBLICATION p FOR TABLE shop.outbox WITH (publish = 'insert')");
  EXPECT_THAT(findings_of(*outbox_), AllOf(HasSubstr("generated"), HasSubstr("payload"), HasSubstr("kind = \"outbox\""),
                                           Not(HasSubstr("leaves out mapped columns"))));
  WalReader reader(*outbox_);
  const auto opened = reader.open();
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().message(), AllOf(HasSubstr("generated"), HasSubstr("payload")));
}

TEST_F(WalDoctor, FindsTablesThatInheritAndAreNoPartitions) {
  outbox_->execute(
      "CREATE TABLE shop.child () INHERITS (shop.outbox);"
      "CREATE PUBLICATION p FOR TABLE shop.outbox WITH (publish = 'insert')");
  EXPECT_THAT(findings_of(*outbox_), AllOf(HasSubstr("inherit"), HasSubstr("shop.child")));
  WalReader reader(*outbox_);
  EXPECT_FALSE(reader.open());
  outbox_->execute("DROP TABLE shop.child");
  EXPECT_TRUE(reader.open());
}

// The server takes them, and its publication shows the root alone.
TEST_F(WalDoctor, FindsPartitionsThatAreNotInTheLog) {
  outbox_->execute(
      "DROP TABLE shop.outbox;"
      "CREATE TABLE shop.outbox (seq bigint GENERATED ALWAYS AS IDENTITY, id uuid, aggregatetype text,"
      " aggregateid text, type text, payload text) PARTITION BY RANGE (seq);"
      "CREATE TABLE shop.first PARTITION OF shop.outbox FOR VALUES FROM (1) TO (2);"
      "CREATE PUBLICATION penstock_orders FOR TABLE shop.outbox WITH (publish = 'insert', publish_via_partition_root);"
      "CREATE UNLOGGED TABLE shop.second PARTITION OF shop.outbox FOR VALUES FROM (2) TO (3)");
  EXPECT_THAT(findings_of(*outbox_), AllOf(HasSubstr("unlogged"), HasSubstr("shop.second"), Not(HasSubstr("first"))));
  WalReader reader(*outbox_);
  EXPECT_FALSE(reader.open());
  outbox_->execute("ALTER TABLE shop.second SET LOGGED");
  const auto opened = reader.open();
  EXPECT_TRUE(opened) << opened.error().describe();
}

TEST_F(WalDoctor, FindsASlotThatHandsOverPreparedTransactions) {
  outbox_->execute("SELECT pg_create_logical_replication_slot('" + outbox_->settings().slot +
                   "', 'pgoutput', false, true)");
  EXPECT_THAT(findings_of(*outbox_), HasSubstr("two_phase"));
}

TEST_F(WalDoctor, FindsARowFilterAndAColumnList) {
  outbox_->execute("CREATE PUBLICATION p FOR TABLE shop.outbox WHERE (seq > 100) WITH (publish = 'insert')");
  EXPECT_THAT(findings_of(*outbox_), HasSubstr("row filter"));
  outbox_->execute("ALTER PUBLICATION p SET TABLE shop.outbox (seq, id)");
  EXPECT_THAT(findings_of(*outbox_), HasSubstr("leaves out mapped columns"));
}

// Each deletion would walk through the whole table.
TEST_F(WalDoctor, FindsAnIdWithoutAnIndexWhereRowsAreDeletedByIt) {
  EXPECT_THAT(findings_of(*outbox_), Not(HasSubstr("has no index")));
  outbox_->settings().settle = wal::WalSettings::Settle::kDelete;
  EXPECT_THAT(findings_of(*outbox_),
              AllOf(HasSubstr("`id` has no index"), HasSubstr("ON \"shop\".\"outbox\" (\"id\");")));
  outbox_->execute("CREATE INDEX ON shop.outbox (id)");
  EXPECT_THAT(findings_of(*outbox_), Not(HasSubstr("has no index")));
}

// Amazon's servers let the members of a role replicate that they bring. Here it is a role like any other, and the
// server refuses the session itself.
TEST_F(WalDoctor, TakesARoleThatReplicatesByAmazonsRole) {
  const TestRole role(outbox_->url());
  role.grant("USAGE ON SCHEMA shop");
  outbox_->settings().rows.url = role.url();
  EXPECT_THAT(findings_of(*outbox_),
              AllOf(HasSubstr("may not replicate"), HasSubstr("GRANT rds_replication TO " + role.name())));
  const AmazonsRole amazons(*outbox_);
  outbox_->execute("GRANT rds_replication TO " + role.name());
  EXPECT_THAT(findings_of(*outbox_),
              AllOf(Not(HasSubstr("may not replicate")), HasSubstr("a replication session is refused")));
}

}  // namespace
}  // namespace penstock::tests
