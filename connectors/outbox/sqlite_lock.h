// The right to be the only relay on a table of a SQLite file: flock on a file beside the database.
// A paused owner keeps it; an ended one loses it with its process.
#pragma once

#include <string>

#include "core/error.h"

namespace penstock::outbox {

class FileLock {
 public:
  // Creates the file if it is missing; it is never removed. Errors: outbox.locked (conflict),
  // outbox.unauthorized when the file can't be opened.
  static Result<FileLock> take(const std::string& path);

  FileLock() = default;
  ~FileLock();
  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&& other) noexcept;

 private:
  explicit FileLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_ = -1;
};

// Beside the database, one a table: "orders.db-penstock-outbox.lock". Two paths to one file give one
// name.
std::string lock_path_of(const std::string& database_path, const std::string& table);

}  // namespace penstock::outbox
