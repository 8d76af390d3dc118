// The schema of the file: which one it has, and how it comes to the newest.
//
// PRAGMA user_version holds the number of the last migration, PRAGMA application_id says that the
// file is a Penstock store; both change in the transaction of the migrations.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "store/sqlite/connection.h"
#include "store/store.h"

namespace penstock::store::sqlite {

// Ascending; the build refuses gaps.
std::vector<Migration> embedded_migrations();

// Number of the last embedded one.
int newest_schema();

// Errors: store.schema_missing when a migration is pending; store.schema_too_new;
// store.foreign_database when the file belongs to another program.
Status check_schema(Connection& connection, const std::string& path);

Result<MigrationPlan> plan_migration(const std::string& path);

// Tables, indexes and triggers that were made by a statement, by their names. Two definitions that differ in nothing
// but blanks, quotes and case are equal.
struct SchemaObject {
  std::string kind;  // "table", "index", "trigger"
  std::string definition;
};
using SchemaObjects = std::map<std::string, SchemaObject>;
Result<SchemaObjects> load_objects(Connection& connection);
// As the migrations make them.
Result<SchemaObjects> made_objects();

// Creates the file if need be. Waits for another program that migrates, at most kMigrationWait.
inline constexpr std::chrono::seconds kMigrationWait{10};
Status migrate(const std::string& path);

}  // namespace penstock::store::sqlite
