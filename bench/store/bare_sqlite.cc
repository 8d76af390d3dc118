// The limit of the embedded store: one prepared INSERT in a loop, in equal transactions, into a table with
// the columns and indexes of the store's.
#include <sqlite3.h>

#include <filesystem>
#include <memory>

#include "bench/commands.h"
#include "bench/store/load.h"

namespace penstock::bench {
namespace {

struct Closed {
  void operator()(sqlite3* file) const { sqlite3_close(file); }
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using File = std::unique_ptr<sqlite3, Closed>;
using Statement = std::unique_ptr<sqlite3_stmt, Closed>;

File open_file(const std::string& path) {
  sqlite3* file = nullptr;
  const int code = sqlite3_open(path.c_str(), &file);
  File owned(file);
  if (code != SQLITE_OK) throw std::runtime_error(sqlite3_errmsg(file));
  return owned;
}

Statement prepare(const File& file, const std::string& sql) {
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v2(file.get(), sql.c_str(), -1, &statement, nullptr) != SQLITE_OK)
    throw std::runtime_error(sqlite3_errmsg(file.get()));
  return Statement(statement);
}

void execute(const File& file, const std::string& sql) {
  if (sqlite3_exec(file.get(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK)
    throw std::runtime_error(sqlite3_errmsg(file.get()));
}

// As the store makes them, out of one that is migrated.
void make_equal_table(const File& like, const File& file) {
  const Statement found = prepare(like,
                                  "SELECT sql FROM sqlite_master WHERE tbl_name = 'events' AND sql IS NOT NULL"
                                  " AND type IN ('table', 'index') ORDER BY type DESC");
  while (sqlite3_step(found.get()) == SQLITE_ROW)
    execute(file, reinterpret_cast<const char*>(sqlite3_column_text(found.get(), 0)));
}

}  // namespace

int insert_into_bare_file(const Arguments& arguments) {
  const AppendLoad load(arguments);
  const std::string path = arguments.text("file");
  std::filesystem::remove(path);
  const File file = open_file(path);
  execute(file, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;");
  make_equal_table(open_file(arguments.text("like")), file);
  const Statement insert =
      prepare(file,
              "INSERT INTO events (position, stream, category, version, id, type, data, content_type, metadata,"
              " occurred_at, recorded_at) VALUES (?1, ?2, 'order', ?1, ?3, 'OrderPlaced', ?4, 'application/json', '{}',"
              " 0, 0)");
  Stopwatch watch;
  std::int64_t position = 0;
  for (std::int64_t request = 0; position < load.events; ++request) {
    const auto asked = Stopwatch::Clock::now();
    const std::string stream = load.stream_of(request);
    execute(file, "BEGIN IMMEDIATE");
    for (std::int64_t i = 0; i < load.batch && position < load.events; ++i) {
      const EventId id = next_id();
      sqlite3_bind_int64(insert.get(), 1, ++position);
      sqlite3_bind_text(insert.get(), 2, stream.data(), static_cast<int>(stream.size()), SQLITE_STATIC);
      sqlite3_bind_blob(insert.get(), 3, id.bytes().data(), static_cast<int>(id.bytes().size()), SQLITE_STATIC);
      sqlite3_bind_blob(insert.get(), 4, load.payload.data(), static_cast<int>(load.payload.size()), SQLITE_STATIC);
      if (sqlite3_step(insert.get()) != SQLITE_DONE) throw std::runtime_error(sqlite3_errmsg(file.get()));
      sqlite3_reset(insert.get());
    }
    execute(file, "COMMIT");
    watch.answered(asked);
  }
  watch.print(load.events);
  return 0;
}

}  // namespace penstock::bench
