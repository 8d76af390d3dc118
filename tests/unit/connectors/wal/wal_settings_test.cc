#include "connectors/wal/wal_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace penstock::wal {
namespace {

using connectors::Section;
using testing::ElementsAre;
using testing::HasSubstr;

// As config/ hands it over.
Section written(std::vector<std::pair<std::string, Section::Value>> keys) {
  Section section;
  section.set_header_place("p.toml:1:1");
  section.set_default("profile", std::string("debezium"));
  section.set_default("create", true);
  section.set("url", Secret("postgresql://app@db/shop"), "p.toml:2:1");
  for (auto& [name, value] : keys) section.set(name, std::move(value), "p.toml:3:1");
  return section;
}

std::vector<std::string> complaints(const Section& section) {
  std::vector<std::string> messages;
  for (const auto& error : check_settings(section)) messages.push_back(error.message);
  return messages;
}

TEST(WalSettings, NameSlotAndPublicationAfterTheSource) {
  const auto settings = read_settings(written({{"table", std::string("shop.outbox")}}), "web-orders", 1 << 20);
  ASSERT_TRUE(settings);
  EXPECT_EQ(settings->slot, "penstock_web_orders");
  EXPECT_EQ(settings->publication, "penstock_web_orders");
  EXPECT_EQ(settings->create, WalSettings::Create::kYes);
  EXPECT_FALSE(settings->reads_messages());
  EXPECT_EQ(*settings->rows.column_of(outbox::Role::kAggregateId), "aggregateid");
}

TEST(WalSettings, TakeATableOrAPrefixOfMessages) {
  EXPECT_THAT(complaints(written({})), ElementsAre(HasSubstr("either `table`")));
  EXPECT_THAT(complaints(written({{"table", std::string("outbox")}, {"message_prefix", std::string("shop")}})),
              ElementsAre(HasSubstr("either `table`")));
  EXPECT_THAT(complaints(written({{"message_prefix", std::string("shop")}})), ElementsAre());
  EXPECT_THAT(complaints(written({{"message_prefix", std::string("shop")}, {"order_by", std::string("seq")}})),
              ElementsAre(HasSubstr("remove `order_by`")));
  EXPECT_THAT(complaints(written({{"message_prefix", std::string("penstock.x")}})),
              ElementsAre(HasSubstr("of the service's own")));
}

// As the polling source of the same table does.
TEST(WalSettings, KeepTheNumberOfAShapeOutOfTheMetadata) {
  EXPECT_THAT(read_settings(written({{"table", std::string("outbox")}}), "orders", 1)->rows.ignore, ElementsAre("seq"));
  const auto named = read_settings(
      written(
          {{"table", std::string("outbox")}, {"order_by", std::string("n")}, {"profile", std::string("eventuate")}}),
      "orders", 1);
  EXPECT_EQ(named->rows.order_by, "n");
  EXPECT_THAT(named->rows.ignore, ElementsAre("message_partition", "published"));
  EXPECT_THAT(read_settings(written({{"message_prefix", std::string("shop")}}), "orders", 1)->rows.ignore,
              ElementsAre())
      << "a message has neither";
}

TEST(WalSettings, DeleteSettledRowsOnlyByAColumn) {
  const auto table = std::string("outbox"), removal = std::string("delete");
  const auto settings = read_settings(written({{"table", table}, {"settle", removal}}), "orders", 1);
  ASSERT_TRUE(settings);
  EXPECT_EQ(settings->settle, WalSettings::Settle::kDelete);
  EXPECT_EQ(read_settings(written({{"table", table}}), "orders", 1)->settle, WalSettings::Settle::kKeep);
  EXPECT_THAT(complaints(written({{"message_prefix", std::string("shop")}, {"settle", removal}})),
              ElementsAre(HasSubstr("remove `settle`")));
  // Its id lies inside of a JSON column.
  EXPECT_THAT(complaints(written({{"table", table}, {"settle", removal}, {"profile", std::string("factcast")}})),
              ElementsAre(HasSubstr("a column of its own")));
}

TEST(WalSettings, WaitForVisibleTransactionsOnRequestAndWhereRowsAreDeleted) {
  const auto table = std::string("outbox"), removal = std::string("delete");
  const auto waits = [](const Section& section) { return read_settings(section, "orders", 1)->waits_until_visible(); };
  EXPECT_FALSE(waits(written({{"table", table}})));
  EXPECT_TRUE(waits(written({{"table", table}, {"visibility_gate", true}})));
  EXPECT_TRUE(waits(written({{"table", table}, {"settle", removal}})));
  EXPECT_THAT(complaints(written({{"table", table}, {"settle", removal}, {"visibility_gate", false}})),
              ElementsAre(HasSubstr("remove `visibility_gate`")));
}

TEST(WalSettings, RefuseWhatCannotBe) {
  const auto table = std::string("outbox");
  EXPECT_THAT(complaints(written({{"table", table}, {"slot", std::string("My-Slot")}})),
              ElementsAre(HasSubstr("lower case letters")));
  EXPECT_THAT(complaints(written({{"table", std::string("a.b.c")}})), testing::SizeIs(1));
  Section sqlite = written({{"table", table}});
  sqlite.set("url", Secret("sqlite:orders.db"), "p.toml:2:1");
  EXPECT_THAT(complaints(sqlite), ElementsAre(HasSubstr("only PostgreSQL")));
}

TEST(WalSettings, WriteTheStatementsForTheOperator) {
  const auto table = read_settings(written({{"table", std::string("shop.outbox")}}), "orders", 1);
  EXPECT_EQ(create_publication_statement(*table),
            "CREATE PUBLICATION \"penstock_orders\" FOR TABLE \"shop\".\"outbox\" WITH (publish = 'insert',"
            " publish_via_partition_root = true);");
  const auto messages = read_settings(written({{"message_prefix", std::string("shop")}}), "orders", 1);
  EXPECT_EQ(create_publication_statement(*messages), "CREATE PUBLICATION \"penstock_orders\";");
  EXPECT_THAT(create_slot_statement(*table, 150'000), HasSubstr("'penstock_orders', 'pgoutput')"));
  EXPECT_THAT(create_slot_statement(*table, 170'000), HasSubstr("failover => true"));
}

}  // namespace
}  // namespace penstock::wal
