#include "store/postgres/sql_condition.h"

namespace penstock::store::postgres {
namespace {

std::optional<SqlCondition> classify_exact(std::string_view sqlstate) {
  using enum SqlCondition;
  struct Row {
    std::string_view sqlstate;
    SqlCondition condition;
  };
  static constexpr Row kRows[] = {
      {"23505", kUniqueViolation},    {"25006", kReadOnly},        {"3D000", kDatabaseMissing},
      {"3F000", kObjectMissing},      {"40001", kSerialization},   {"40P01", kSerialization},
      {"42501", kUnauthorized},       {"42703", kObjectMissing},   {"42704", kObjectMissing},
      {"42883", kObjectMissing},      {"42P01", kObjectMissing},   {"53100", kDiskFull},
      {"53300", kTooManyConnections}, {"55006", kLockTimeout},     {"55P03", kLockTimeout},
      {"57014", kCanceled},           {"57P01", kConnectionLost},  {"57P02", kConnectionLost},
      {"57P03", kServerStarting},     {"57P04", kDatabaseMissing}, {"57P05", kConnectionLost},
      {"25P03", kConnectionLost},     {"XX001", kCorrupt},         {"XX002", kCorrupt},
      {"PS006", kImporting},
  };
  for (const Row& row : kRows)
    if (row.sqlstate == sqlstate) return row.condition;
  return std::nullopt;
}

}  // namespace

SqlCondition classify(std::string_view sqlstate) {
  using enum SqlCondition;
  if (sqlstate.empty()) return kConnectionLost;
  if (const auto exact = classify_exact(sqlstate)) return *exact;
  const std::string_view sql_class = sqlstate.substr(0, 2);
  if (sql_class == "08") return kConnectionLost;
  if (sql_class == "0A") return kUnsupported;
  if (sql_class == "22" || sql_class == "23" || sql_class == "54") return kData;
  if (sql_class == "28") return kUnauthorized;
  if (sql_class == "40") return kSerialization;
  if (sql_class == "53" || sql_class == "58") return kOutOfResources;
  return kDefect;
}

std::string_view to_string(SqlCondition condition) {
  switch (condition) {
    case SqlCondition::kConnectionLost: return "connection lost";
    case SqlCondition::kServerStarting: return "server starting";
    case SqlCondition::kTooManyConnections: return "too many connections";
    case SqlCondition::kOutOfResources: return "out of resources";
    case SqlCondition::kDiskFull: return "disk full";
    case SqlCondition::kUnauthorized: return "unauthorized";
    case SqlCondition::kReadOnly: return "read only";
    case SqlCondition::kLockTimeout: return "lock timeout";
    case SqlCondition::kCanceled: return "canceled";
    case SqlCondition::kSerialization: return "serialization failure";
    case SqlCondition::kUniqueViolation: return "unique violation";
    case SqlCondition::kData: return "data refused";
    case SqlCondition::kDatabaseMissing: return "database missing";
    case SqlCondition::kObjectMissing: return "object missing";
    case SqlCondition::kCorrupt: return "corrupt";
    case SqlCondition::kImporting: return "importing";
    case SqlCondition::kDeadline: return "deadline passed";
    case SqlCondition::kStopped: return "stopped";
    case SqlCondition::kUnsupported: return "unsupported";
    case SqlCondition::kDefect: return "defect";
  }
  return "unknown";
}

const ErrorCode& store_code_of(SqlCondition condition) {
  switch (condition) {
    case SqlCondition::kConnectionLost:
    case SqlCondition::kServerStarting:
    case SqlCondition::kTooManyConnections:
    case SqlCondition::kCanceled:
    case SqlCondition::kDeadline: return codes::kStoreUnavailable;
    case SqlCondition::kDatabaseMissing: return codes::kStoreDatabaseMissing;
    case SqlCondition::kOutOfResources:
    case SqlCondition::kLockTimeout:
    case SqlCondition::kSerialization: return codes::kStoreBusy;
    case SqlCondition::kDiskFull: return codes::kStoreDiskFull;
    case SqlCondition::kUnauthorized: return codes::kStoreUnauthorized;
    case SqlCondition::kReadOnly: return codes::kStoreReadOnly;
    case SqlCondition::kData: return codes::kStoreInvalidRequest;
    case SqlCondition::kObjectMissing: return codes::kStoreSchemaMissing;
    case SqlCondition::kUniqueViolation:
    case SqlCondition::kCorrupt: return codes::kStoreCorrupt;
    case SqlCondition::kImporting: return codes::kStoreImporting;
    case SqlCondition::kStopped: return codes::kStopped;
    case SqlCondition::kUnsupported: return codes::kStoreUnsupported;
    case SqlCondition::kDefect: return codes::kInternal;
  }
  return codes::kInternal;
}

}  // namespace penstock::store::postgres
