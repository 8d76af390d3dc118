#include "connectors/outbox/postgres_statements.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace penstock::outbox {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

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

RoleColumns id_first() {
  RoleColumns roles;
  roles.by_role[static_cast<std::size_t>(Role::kId)] = 0;
  return roles;
}

TEST(ScanStatement, QuotesEveryName) {
  const PostgresColumn columns[] = {column("id", ColumnType::kUuid, PostgresColumn::Guard::kNone)};
  EXPECT_THAT(scan_statement(settings(), {}, columns, id_first()),
              AllOf(HasSubstr(R"(FROM "my shop"."out""box" AS s WHERE "seq" >= r.first)"),
                    HasSubstr(R"(ORDER BY s."seq" LIMIT $4)")));
}

TEST(ScanStatement, HoldsBackOnlyColumnsThatCanBeLong) {
  const PostgresColumn columns[] = {column("type", ColumnType::kText, PostgresColumn::Guard::kNone),
                                    column("payload", ColumnType::kText, PostgresColumn::Guard::kByLength)};
  const std::string sql = scan_statement(settings(), {}, columns, id_first());
  EXPECT_THAT(sql, HasSubstr("CASE WHEN octet_length(t.c1) <= $5 THEN t.c1 END"));
  EXPECT_THAT(sql, HasSubstr(", coalesce(octet_length(t.c1) > $5, false), "));
  EXPECT_THAT(sql, Not(HasSubstr("octet_length(t.c0)")));
}

TEST(ScanStatement, LeavesLargeRowsOutByNumberAndId) {
  const PostgresColumn columns[] = {column("id", ColumnType::kUuid, PostgresColumn::Guard::kNone)};
  EXPECT_THAT(scan_statement(settings(), {}, columns, id_first()),
              HasSubstr(R"(("seq"::int8, coalesce(hashtextextended(("id"::text)::text COLLATE "C", 0), 0)) NOT IN)"));
}

OutboxSettings tracking() {
  OutboxSettings tracking = settings();
  tracking.policy = TrackRows{};
  tracking.columns = columns_of(*find_profile("debezium"));
  return tracking;
}

PostgresColumns ids_and_times() {
  PostgresColumns table;
  table.columns = {column("id", ColumnType::kUuid, PostgresColumn::Guard::kNone),
                   column("seq", ColumnType::kInteger, PostgresColumn::Guard::kNone),
                   column("at", ColumnType::kTime, PostgresColumn::Guard::kNone)};
  table.columns[0].type_name = "uuid";
  table.columns[1].type_name = "bigint";
  table.columns[2].type_name = "timestamp with time zone";
  return table;
}

TEST(TypesStatement, NamesWhatIsReadAndItsOrderAndReadsNothing) {
  PostgresColumns table = ids_and_times();
  table.columns[0].typed = "\"id\"", table.columns[0].type_id = "2950.-1";
  table.columns[1].typed = "\"seq\" + 0::int8", table.columns[1].type_id = "20.-1";
  EXPECT_THAT(types_statement(settings(), table, {table.columns.data(), 1}),
              AllOf(StartsWith(R"(SELECT "id", "seq" + 0::int8 FROM )"), EndsWith(" WHERE E'2950.-1 20.-1 ' IS NULL")));
}

TEST(FindStatement, StartsAtTheMarkAndSortsByTheColumn) {
  const std::string sql = find_statement(tracking(), ids_and_times(), Reach::kOpenRanges);
  EXPECT_THAT(sql, HasSubstr(R"(WHERE t."seq" >= $3::text::bigint AND)"));
  EXPECT_THAT(sql, HasSubstr(R"(ORDER BY t."seq", t.ctid LIMIT $2)"));
  EXPECT_THAT(find_statement(tracking(), ids_and_times(), Reach::kWholeTable), Not(HasSubstr("$3")));
}

TEST(FindStatement, StartsALittleBeforeATime) {
  OutboxSettings by_time = tracking();
  by_time.order_by = "at";
  EXPECT_THAT(find_statement(by_time, ids_and_times(), Reach::kOpenRanges),
              HasSubstr(R"(t."at" >= $3::text::timestamp with time zone - interval '2 s')"));
}

TEST(FindStatement, LooksIntoTheTableBesideTheOutbox) {
  EXPECT_THAT(find_statement(tracking(), ids_and_times(), Reach::kWholeTable),
              HasSubstr(R"(NOT EXISTS (SELECT FROM "my shop"."out""box_settled" AS s WHERE s.id = t."id"))"));
}

TEST(FindStatement, TakesRowsAsTheyLieWithoutAColumn) {
  OutboxSettings as_it_lies = tracking();
  as_it_lies.order_by.clear();
  EXPECT_THAT(find_statement(as_it_lies, ids_and_times(), Reach::kWholeTable), HasSubstr("ORDER BY t.ctid LIMIT"));
}

TEST(SettleStatement, NamesOrderValueAndId) {
  PostgresColumn id = column("id", ColumnType::kUuid, PostgresColumn::Guard::kNone);
  id.expression = "\"id\"::uuid";
  EXPECT_THAT(settle_statement(settings(), {}, id),
              HasSubstr(R"(WHERE t."seq" = d.number AND t."id"::uuid IS NOT DISTINCT FROM d.id)"));
}

TEST(SettleStatement, ComparesOtherIdsAsText) {
  const PostgresColumn id = column("id", ColumnType::kInteger, PostgresColumn::Guard::kNone);
  EXPECT_EQ(settled_id_type(id), SettledIdType::kText);
  EXPECT_THAT(settle_statement(settings(), {}, id), HasSubstr(R"(t."id"::text IS NOT DISTINCT FROM d.id)"));
}

TEST(SettleStatement, MarksInTheTypeOfTheColumn) {
  OutboxSettings marking = settings();
  marking.policy = MarkRows{"state", "it's done"};
  PostgresColumns table;
  table.columns.push_back(column("state", ColumnType::kText, PostgresColumn::Guard::kNone));
  table.columns.back().type_name = "shop.state";
  const std::string sql =
      settle_statement(marking, table, column("id", ColumnType::kText, PostgresColumn::Guard::kNone));
  EXPECT_THAT(sql, HasSubstr(R"(SET "state" = E'it''s done'::shop.state FROM)"));
  EXPECT_EQ(unread_condition(marking, table, "t."), R"(t."state" IS DISTINCT FROM E'it''s done'::shop.state)");
}

TEST(SettleStatement, MarksWithTheTimeWhereNoValueIsGiven) {
  OutboxSettings marking = settings();
  marking.policy = MarkRows{"sent_at", {}};
  EXPECT_EQ(unread_condition(marking, {}, ""), R"("sent_at" IS NULL)");
}

TEST(LeftStatement, LooksForTheRowsThatAreSettledAndStillUnread) {
  const PostgresColumn id = column("id", ColumnType::kText, PostgresColumn::Guard::kByLength);
  OutboxSettings marked = settings();
  marked.policy = MarkRows{"state", "sent"};
  const std::string same_rows = R"(WHERE t."seq" = d.number AND t."id"::text IS NOT DISTINCT FROM d.id)";
  EXPECT_THAT(left_statement(settings(), {}, id), HasSubstr(same_rows + " ORDER BY 1"));
  EXPECT_THAT(left_statement(marked, {}, id), HasSubstr(same_rows + R"( AND t."state" IS DISTINCT FROM)"));
}

TEST(UntrackedStatement, LooksForTheRowsWhoseIdsAreNotRemembered) {
  EXPECT_THAT(untracked_statement(tracking(), ids_and_times()),
              HasSubstr(R"(AS t WHERE t."id" = d.id::uuid) AND NOT EXISTS (SELECT FROM)"));
}

TEST(NumberingStatement, AsksASequenceThatMayBeReadOnly) {
  const PostgresColumn id = column("id", ColumnType::kText, PostgresColumn::Guard::kByLength);
  PostgresColumns table;
  EXPECT_THAT(numbering_statement(settings(), table, id), HasSubstr("SELECT NULL::int8, (SELECT \"id\"::text"));
  table.order_sequence = PostgresSequence{4711, "s", 20, PostgresSequence::Runs::kUp, true};
  EXPECT_THAT(
      numbering_statement(settings(), table, id),
      AllOf(HasSubstr("pg_sequence_last_value(4711::oid::regclass) END::int8"), HasSubstr("NULL::int8, NULL::int8")));
  table.order_sequence->may_select = true;
  EXPECT_THAT(numbering_statement(settings(), table, id),
              HasSubstr("(SELECT s.last_value FROM s AS s WHERE NOT s.is_called)::int8"));
}

}  // namespace
}  // namespace penstock::outbox
