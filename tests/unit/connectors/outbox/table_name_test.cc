#include "connectors/outbox/table_name.h"

#include <gtest/gtest.h>

namespace penstock::outbox {
namespace {

TEST(TableName, TakesATableAlone) {
  const auto name = parse_table_name("outbox");
  ASSERT_TRUE(name);
  EXPECT_EQ(name->quoted(), R"("outbox")");
}

TEST(TableName, TakesASchemaAndATable) {
  const auto name = parse_table_name("shop.outbox");
  ASSERT_TRUE(name);
  EXPECT_EQ(name->quoted(), R"("shop"."outbox")");
  EXPECT_EQ(name->to_string(), "shop.outbox");
}

TEST(TableName, TakesQuotedPartsAsTheyStand) {
  const auto name = parse_table_name(R"("My ""Shop"".x".Outbox)");
  ASSERT_TRUE(name);
  EXPECT_EQ(name->schema, R"(My "Shop".x)");
  EXPECT_EQ(name->quoted(), R"("My ""Shop"".x"."Outbox")");
}

TEST(TableName, RefusesWhatIsNoName) {
  for (const char* text : {"", ".", "a.", ".b", "a.b.c", "a b", "a;drop table b", "\"a", "\"\"", "a\"b\""})
    EXPECT_FALSE(parse_table_name(text)) << text;
}

TEST(TableName, RefusesNamesThatPostgresWouldCutOff) {
  EXPECT_TRUE(is_identifier(std::string(63, 'x')));
  EXPECT_FALSE(is_identifier(std::string(64, 'x')));
}

TEST(TableName, QuotesTheQuotesInAnIdentifier) { EXPECT_EQ(quoted_identifier(R"(a"b)"), R"("a""b")"); }

}  // namespace
}  // namespace penstock::outbox
