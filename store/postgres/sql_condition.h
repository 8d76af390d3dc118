// What a failure of Postgres means, before a room gives it one of its own error codes.
//
// The vocabulary is PostgreSQL's appendix "Error Codes" (SQLSTATE). One switch reads it, here; a room
// that uses a session hands in a function that gives each condition its code.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/error.h"

namespace penstock::store::postgres {

enum class SqlCondition {
  kConnectionLost,      // class 08, 57P01, 57P02, 57P05, or no answer at all
  kServerStarting,      // 57P03: starting up, shutting down, in recovery
  kTooManyConnections,  // 53300
  kOutOfResources,      // the rest of classes 53 and 58
  kDiskFull,            // 53100
  kUnauthorized,        // class 28, 42501
  kReadOnly,            // 25006
  kLockTimeout,         // 55P03, 55006
  kCanceled,            // 57014: statement_timeout, or somebody's cancel
  kSerialization,       // 40001, 40P01: the transaction was rolled back and may be run again
  kUniqueViolation,     // 23505
  kData,                // classes 22, 23, 54: this very content is refused
  kDatabaseMissing,     // 3D000
  kObjectMissing,       // 3F000, 42P01, 42703, 42704, 42883: schema, table, column, type, function
  kCorrupt,             // XX001, XX002
  kImporting,           // PS006: ours, from the trigger on head while the store is filled from an archive
  kDeadline,            // ours: the deadline passed; the session was closed
  kStopped,             // ours: the stop token was set; the session was closed
  kUnsupported,         // 0A000, or a server older than PostgreSQL 14
  kDefect,              // anything else: a statement of ours is wrong
};

std::string_view to_string(SqlCondition condition);

// Reads a five-character SQLSTATE; an empty one is a lost connection.
SqlCondition classify(std::string_view sqlstate);

// The last failure of a session, for those who decide by it.
struct SqlFailure {
  SqlCondition condition = SqlCondition::kConnectionLost;
  std::string sqlstate;    // empty when the server did not say one
  std::string constraint;  // name, for unique violations
  std::size_t call = 0;    // index of the call of a pipeline that failed
};

// Gives a condition the code of a room.
using CodeOfCondition = const ErrorCode& (*)(SqlCondition);

// The codes of the event store.
const ErrorCode& store_code_of(SqlCondition condition);

}  // namespace penstock::store::postgres
