#include "connectors/outbox/postgres_statements.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace penstock::outbox {
namespace {

using testing::HasSubstr;
using testing::Not;

OutboxSettings settings() {
  OutboxSettings settings;
  settings.table = {"my shop", "out\"box"};
  settings.order_by = "seq";
  return settings;
}

PostgresColumn column(std::string name, ColumnType type, PostgresColumn::Guard guard) {
  PostgresColumn made;
  made.expression = "\"" + name + "\"::text";
  made.name = std::move(name);
  made.type = type;
  made.guard = guard;
  return made;
}

TEST(ScanStatement, QuotesEveryName) {
  const PostgresColumn columns[] = {column("id", ColumnType::kUuid, PostgresColumn::Guard::kNone)};
  EXPECT_THAT(scan_statement(settings(), columns, {}),
              HasSubstr(R"(FROM "my shop"."out""box" WHERE "seq" >= r.first)"));
}

TEST(ScanStatement, HoldsBackOnlyColumnsThatCanBeLong) {
  const PostgresColumn columns[] = {column("type", ColumnType::kText, PostgresColumn::Guard::kNone),
                                    column("payload", ColumnType::kText, PostgresColumn::Guard::kByLength)};
  const std::string sql = scan_statement(settings(), columns, {});
  EXPECT_THAT(sql, HasSubstr("CASE WHEN octet_length(t.c1) <= $5 THEN t.c1 END"));
  EXPECT_THAT(sql, Not(HasSubstr("octet_length(t.c0)")));
}

TEST(DeleteStatement, NamesOrderValueAndId) {
  PostgresColumn id = column("id", ColumnType::kUuid, PostgresColumn::Guard::kNone);
  id.expression = "\"id\"::uuid";
  EXPECT_THAT(delete_statement(settings(), id),
              HasSubstr(R"(WHERE t."seq" = d.number AND t."id"::uuid IS NOT DISTINCT FROM d.id)"));
}

TEST(DeleteStatement, ComparesOtherIdsAsText) {
  const PostgresColumn id = column("id", ColumnType::kInteger, PostgresColumn::Guard::kNone);
  EXPECT_EQ(delete_id_type(id), DeleteIdType::kText);
  EXPECT_THAT(delete_statement(settings(), id), HasSubstr(R"(t."id"::text IS NOT DISTINCT FROM d.id)"));
}

}  // namespace
}  // namespace penstock::outbox
