// A store's file, looked at and changed behind the store's back.
#pragma once

#include <sqlite3.h>

#include <memory>
#include <stdexcept>
#include <string>

#include "store/sqlite/sqlite_store.h"
#include "tests/support/temporary_folder.h"

namespace penstock::tests {

class RawFile {
 public:
  explicit RawFile(const std::string& path) {
    if (sqlite3_open(path.c_str(), &connection_) != SQLITE_OK) throw std::runtime_error("can't open " + path);
    sqlite3_busy_timeout(connection_, 5'000);
  }
  ~RawFile() { sqlite3_close(connection_); }
  RawFile(const RawFile&) = delete;
  RawFile& operator=(const RawFile&) = delete;

  // SQLite's words for what went wrong; empty when nothing did.
  std::string try_execute(const std::string& sql) {
    const int code = sqlite3_exec(connection_, sql.c_str(), nullptr, nullptr, nullptr);
    return code == SQLITE_OK ? std::string() : sqlite3_errmsg(connection_);
  }
  void execute(const std::string& sql) {
    if (const std::string error = try_execute(sql); !error.empty()) throw std::runtime_error(sql + ": " + error);
  }

 private:
  sqlite3* connection_ = nullptr;
};

inline std::unique_ptr<store::Store> open_file(const std::string& path) {
  store::StoreSettings settings;
  settings.url = Secret("sqlite:" + path);
  return store::sqlite::make_sqlite_store(settings);
}

inline std::unique_ptr<store::Store> open_migrated(const std::string& path) {
  auto store = open_file(path);
  if (auto migrated = store->migrate(); !migrated) throw std::runtime_error(migrated.error().describe());
  return store;
}

}  // namespace penstock::tests
