// Leases over a SQLite file: a row with an expiry, and flock on a file per lease in the folder
// "<database>-locks". The kernel drops the lock when its process ends, however it ends; a row that
// says `locked` while its file can be locked is therefore nobody's.
#pragma once

#include <map>
#include <mutex>
#include <string>

#include "store/leases.h"
#include "store/sqlite/database.h"

namespace penstock::store::sqlite {

// Whether `lease` is still held: store.fenced if not. Inside the transaction that it guards.
Status check_lease(Connection& connection, const Lease& lease);

// An exclusive flock, held as long as this lives. Files are never removed: that would race.
class FileLock {
 public:
  // nullopt when another one holds it.
  static Result<std::optional<FileLock>> try_take(const std::string& folder, const std::string& name);
  ~FileLock();
  FileLock(FileLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  FileLock& operator=(FileLock&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }

 private:
  explicit FileLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

class SqliteLeases final : public Leases {
 public:
  explicit SqliteLeases(Database& database) : database_(database) {}

  Result<Lease> take(std::string_view name, std::string_view owner) override;
  Status renew(const Lease& lease) override;
  Status release(const Lease& lease) override;

 private:
  enum class Locked { kNo, kYes };
  struct Held {
    FileLock lock;
    Epoch epoch;  // of the lease that it was last used for; 0: none yet
  };
  Result<Locked> lock_file(const std::string& name);
  void unlock_file(const Lease& lease);

  Database& database_;
  std::mutex mutex_;  // guards the locks, and keeps calls of this program apart
  std::map<std::string, Held, std::less<>> locks_;
};

}  // namespace penstock::store::sqlite
