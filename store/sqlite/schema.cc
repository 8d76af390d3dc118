#include "store/sqlite/schema.h"

#include <cctype>
#include <filesystem>
#include <thread>

#include "core/clock.h"

namespace penstock::store::sqlite {
namespace {

constexpr std::int64_t kApplicationId = 0x50454E53;  // "PENS"
constexpr std::chrono::milliseconds kRetryPause{20};

// 0 for an empty file. Inside a transaction, because another program may be migrating.
Result<int> read_schema(Connection& connection, const std::string& path) {
  const auto application = connection.read_number("PRAGMA application_id");
  if (!application) return fail(application.error());
  const auto version = connection.read_number("PRAGMA user_version");
  if (!version) return fail(version.error());
  if (*application == kApplicationId) return static_cast<int>(*version);
  const auto tables = connection.read_number("SELECT count(*) FROM sqlite_schema");
  if (!tables) return fail(tables.error());
  if (*application == 0 && *version == 0 && *tables == 0) return 0;
  return fail(codes::kStoreForeignDatabase, path + " is the database of another program");
}

Result<int> schema_of(Connection& connection, const std::string& path) {
  auto snapshot = Transaction::begin(connection, Transaction::Kind::kRead);
  if (!snapshot) return fail(std::move(snapshot.error()));
  return read_schema(connection, path);
}

Status refuse_newer(int schema, const std::string& path) {
  if (schema <= newest_schema()) return {};
  return fail(codes::kStoreSchemaTooNew, path + " has schema " + std::to_string(schema) +
                                             ", this program knows them up to " + std::to_string(newest_schema()));
}

Result<bool> has_write_ahead_log(Connection& connection) {
  auto mode = connection.prepare("PRAGMA journal_mode");
  if (!mode) return fail(std::move(mode.error()));
  if (const auto stepped = mode->step(); !stepped) return fail(stepped.error());
  return mode->text(0) == "wal";
}

Status apply_pending(Connection& connection, const std::string& path) {
  auto transaction = Transaction::begin(connection, Transaction::Kind::kWrite);
  if (!transaction) return fail(std::move(transaction.error()));
  const auto schema = read_schema(connection, path);
  if (!schema) return fail(schema.error());
  if (auto known = refuse_newer(*schema, path); !known) return known;
  if (*schema == newest_schema()) return {};
  for (const Migration& migration : embedded_migrations()) {
    if (migration.number <= *schema) continue;
    if (auto applied = connection.execute(migration.sql); !applied)
      return fail(std::move(applied.error()).with_context("migration " + migration.name));
  }
  const auto marked = connection.execute("PRAGMA application_id = " + std::to_string(kApplicationId) +
                                         "; PRAGMA user_version = " + std::to_string(newest_schema()));
  if (!marked) return marked;
  return transaction->commit();
}

Status try_to_migrate(const std::string& path) {
  auto opened = Connection::open(path, Connection::Use::kMigrate);
  if (!opened) return fail(std::move(opened.error()));
  Connection& connection = **opened;
  // Before anything is changed in a file that may be somebody else's.
  const auto schema = schema_of(connection, path);
  if (!schema) return fail(schema.error());
  if (auto known = refuse_newer(*schema, path); !known) return known;
  // Whoever only opens a file waits for nobody who writes to it.
  if (*schema == newest_schema()) {
    const auto is_ready = has_write_ahead_log(connection);
    if (!is_ready || *is_ready) return is_ready ? Status() : fail(is_ready.error());
  }
  {
    auto mode = connection.prepare("PRAGMA journal_mode = WAL");
    if (!mode) return fail(std::move(mode.error()));
    if (const auto stepped = mode->step(); !stepped) return fail(stepped.error());
    if (mode->text(0) != "wal")
      return fail(codes::kStoreUnavailable,
                  path + ": its file system allows no write-ahead log (mode " + std::string(mode->text(0)) + ")");
  }
  return apply_pending(connection, path);
}

std::string without_style(std::string_view sql) {
  std::string bare;
  for (const char c : sql) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isspace(byte) == 0 && c != '"') bare += static_cast<char>(std::tolower(byte));
  }
  return bare;
}

}  // namespace

int newest_schema() {
  static const int newest = embedded_migrations().back().number;
  return newest;
}

Status check_schema(Connection& connection, const std::string& path) {
  const auto schema = schema_of(connection, path);
  if (!schema) return fail(schema.error());
  if (*schema < newest_schema())
    return fail(codes::kStoreSchemaMissing, path + " has schema " + std::to_string(*schema) + ", this program needs " +
                                                std::to_string(newest_schema()));
  return refuse_newer(*schema, path);
}

Result<MigrationPlan> plan_migration(const std::string& path) {
  MigrationPlan plan;
  std::error_code missing;
  if (std::filesystem::exists(path, missing)) {
    auto connection = Connection::open(path, Connection::Use::kRead);
    if (!connection) return fail(std::move(connection.error()));
    const auto schema = schema_of(**connection, path);
    if (!schema) return fail(schema.error());
    if (auto known = refuse_newer(*schema, path); !known) return fail(std::move(known.error()));
    plan.current = *schema;
  }
  for (Migration& migration : embedded_migrations()) {
    if (migration.number > plan.current) plan.pending.push_back(std::move(migration));
  }
  return plan;
}

Result<SchemaObjects> load_objects(Connection& connection) {
  auto cursor = connection.prepare(
      "SELECT name, type, sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'");
  if (!cursor) return fail(std::move(cursor.error()));
  SchemaObjects objects;
  for (;;) {
    const auto stepped = cursor->step();
    if (!stepped) return fail(stepped.error());
    if (*stepped == Cursor::Step::kDone) return objects;
    objects[std::string(cursor->text(0))] = {std::string(cursor->text(1)), without_style(cursor->text(2))};
  }
}

Result<SchemaObjects> made_objects() {
  auto connection = Connection::open_in_memory();
  if (!connection) return fail(std::move(connection.error()));
  for (const Migration& migration : embedded_migrations())
    if (auto applied = (*connection)->execute(migration.sql); !applied)
      return fail(std::move(applied.error()).with_context("migration " + migration.name));
  return load_objects(**connection);
}

Status migrate(const std::string& path) {
  // Switching a new file to write-ahead logging needs it alone, and doesn't wait for that.
  const Deadline deadline = Deadline::in(kMigrationWait);
  for (;;) {
    auto migrated = try_to_migrate(path);
    if (migrated || &migrated.error().code() != &codes::kStoreBusy || deadline.expired()) return migrated;
    std::this_thread::sleep_for(kRetryPause);
  }
}

}  // namespace penstock::store::sqlite
