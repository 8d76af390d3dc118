#include "store/postgres/sql_condition.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

namespace penstock::store::postgres {
namespace {

struct Row {
  std::string_view sqlstate;
  SqlCondition condition;
};

class SqlConditionTable : public testing::TestWithParam<Row> {};

TEST_P(SqlConditionTable, ReadsTheSqlstate) {
  EXPECT_EQ(to_string(classify(GetParam().sqlstate)), to_string(GetParam().condition)) << GetParam().sqlstate;
}

using enum SqlCondition;
INSTANTIATE_TEST_SUITE_P(
    Appendix, SqlConditionTable,
    testing::Values(Row{"", kConnectionLost}, Row{"08000", kConnectionLost}, Row{"08003", kConnectionLost},
                    Row{"08006", kConnectionLost}, Row{"08P01", kConnectionLost}, Row{"57P01", kConnectionLost},
                    Row{"57P02", kConnectionLost}, Row{"57P05", kConnectionLost}, Row{"25P03", kConnectionLost},
                    Row{"57P03", kServerStarting}, Row{"57P04", kDatabaseMissing}, Row{"3D000", kDatabaseMissing},
                    Row{"53300", kTooManyConnections}, Row{"53100", kDiskFull}, Row{"53200", kOutOfResources},
                    Row{"53000", kOutOfResources}, Row{"53400", kOutOfResources}, Row{"58030", kOutOfResources},
                    Row{"28000", kUnauthorized}, Row{"28P01", kUnauthorized}, Row{"42501", kUnauthorized},
                    Row{"25006", kReadOnly}, Row{"55P03", kLockTimeout}, Row{"55006", kLockTimeout},
                    Row{"57014", kCanceled}, Row{"40001", kSerialization}, Row{"40P01", kSerialization},
                    Row{"40003", kSerialization}, Row{"23505", kUniqueViolation}, Row{"23502", kData},
                    Row{"23514", kData}, Row{"22P02", kData}, Row{"22021", kData}, Row{"54000", kData},
                    Row{"3F000", kObjectMissing}, Row{"42P01", kObjectMissing}, Row{"42703", kObjectMissing},
                    Row{"42883", kObjectMissing}, Row{"42704", kObjectMissing}, Row{"XX001", kCorrupt},
                    Row{"XX002", kCorrupt}, Row{"PS006", kImporting}, Row{"XX000", kDefect}, Row{"0A000", kUnsupported},
                    Row{"42601", kDefect}, Row{"P0001", kDefect}, Row{"25P02", kDefect}));

TEST(StoreCodeOf, GivesEveryConditionTheKindThatSaysWhatToDo) {
  struct Expected {
    SqlCondition condition;
    const ErrorCode* code;
  };
  const std::vector<Expected> table = {{kConnectionLost, &codes::kStoreUnavailable},
                                       {kServerStarting, &codes::kStoreUnavailable},
                                       {kTooManyConnections, &codes::kStoreUnavailable},
                                       {kOutOfResources, &codes::kStoreBusy},
                                       {kDiskFull, &codes::kStoreDiskFull},
                                       {kUnauthorized, &codes::kStoreUnauthorized},
                                       {kReadOnly, &codes::kStoreReadOnly},
                                       {kLockTimeout, &codes::kStoreBusy},
                                       {kCanceled, &codes::kStoreUnavailable},
                                       {kSerialization, &codes::kStoreBusy},
                                       {kUniqueViolation, &codes::kStoreCorrupt},
                                       {kData, &codes::kStoreInvalidRequest},
                                       {kDatabaseMissing, &codes::kStoreDatabaseMissing},
                                       {kObjectMissing, &codes::kStoreSchemaMissing},
                                       {kCorrupt, &codes::kStoreCorrupt},
                                       {kImporting, &codes::kStoreImporting},
                                       {kDeadline, &codes::kStoreUnavailable},
                                       {kStopped, &codes::kStopped},
                                       {kUnsupported, &codes::kStoreUnsupported},
                                       {kDefect, &codes::kInternal}};
  for (const Expected& row : table)
    EXPECT_EQ(store_code_of(row.condition).name, row.code->name) << to_string(row.condition);
}

}  // namespace
}  // namespace penstock::store::postgres
