#include "store/sqlite/sqlite_leases.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "store/sqlite/importing.h"
#include "store/store_faults.h"

namespace penstock::store::sqlite {
namespace {

// A file name for any lease name: what is not a plain character becomes %XX.
std::string file_name_of(std::string_view name) {
  constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string text;
  for (const char letter : name) {
    const auto byte = static_cast<unsigned char>(letter);
    if (kPlain.find(letter) != std::string_view::npos) {
      text += letter;
    } else {
      text += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return text;
}

tl::unexpected<Error> file_error(const std::string& path) {
  return fail(codes::kStoreUnavailable, path + ": " + std::strerror(errno));
}

struct Row {
  std::string owner;
  Epoch epoch;
  Timestamp expires_at;
  bool locked = false;
};

Result<std::optional<Row>> find_row(Connection& connection, std::string_view name) {
  auto cursor = connection.prepare("SELECT owner, epoch, expires_at, locked FROM leases WHERE name = ?1");
  if (!cursor) return fail(std::move(cursor.error()));
  const auto stepped = cursor->bind_text(name).step();
  if (!stepped) return fail(stepped.error());
  if (*stepped == Cursor::Step::kDone) return std::nullopt;
  return Row{std::string(cursor->text(0)), Epoch{cursor->number(1)}, timestamp_of(cursor->number(2)),
             cursor->number(3) != 0};
}

}  // namespace

Status check_lease(Connection& connection, const Lease& lease) {
  const auto row = find_row(connection, lease.name);
  if (!row) return fail(row.error());
  if (*row && (*row)->owner == lease.owner && (*row)->epoch == lease.epoch) return {};
  return fail(lease_lost(lease));
}

// --- the file --------------------------------------------------------------------------------------

Result<std::optional<FileLock>> FileLock::try_take(const std::string& folder, const std::string& name) {
  if (mkdir(folder.c_str(), 0777) != 0 && errno != EEXIST) return file_error(folder);
  const std::string path = folder + "/" + file_name_of(name);
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (descriptor < 0) return file_error(path);
  FileLock lock(descriptor);
  if (flock(descriptor, LOCK_EX | LOCK_NB) == 0) return lock;
  if (errno == EWOULDBLOCK) return std::nullopt;
  return file_error(path);
}

FileLock::~FileLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

// --- leases ----------------------------------------------------------------------------------------

Result<SqliteLeases::Locked> SqliteLeases::lock_file(const std::string& name) {
  if (locks_.contains(name)) return Locked::kYes;
  auto lock = FileLock::try_take(database_.path() + "-locks", name);
  if (!lock) return fail(std::move(lock.error()));
  if (!*lock) return Locked::kNo;
  locks_.emplace(name, Held{std::move(**lock), Epoch{0}});
  return Locked::kYes;
}

// Only if no later lease of this program stands on the same file.
void SqliteLeases::unlock_file(const Lease& lease) {
  const auto held = locks_.find(lease.name);
  if (held != locks_.end() && held->second.epoch <= lease.epoch) locks_.erase(held);
}

Result<Lease> SqliteLeases::take(std::string_view name, std::string_view owner) {
  std::lock_guard guard(mutex_);
  const std::string key(name);
  const bool had_lock = locks_.contains(key);
  // The file first: a row that says `locked` must never be written by one who isn't.
  const auto locked = lock_file(key);
  if (!locked) return fail(locked.error());
  auto taken = database_.write("taking a lease", [&](Connection& connection) -> Result<Lease> {
    if (auto open = refuse_while_importing(connection); !open) return fail(std::move(open.error()));
    const auto row = find_row(connection, name);
    if (!row) return fail(row.error());
    const Timestamp now = database_now();
    if (*row) {
      const bool session_is_gone = (*row)->locked && *locked == Locked::kYes && !had_lock;
      const bool is_free = (*row)->owner.empty() || (*row)->owner == owner || (*row)->expires_at <= now;
      if (!is_free && !session_is_gone)
        return fail(codes::kRelayStandby, "the lease " + key + " is held by " + (*row)->owner);
    }
    const Epoch epoch = *row ? (*row)->epoch.next() : Epoch{1};
    auto cursor = connection.prepare(
        "INSERT OR REPLACE INTO leases (name, owner, epoch, expires_at, locked) VALUES (?1, ?2, ?3, ?4, ?5)");
    if (!cursor) return fail(std::move(cursor.error()));
    cursor->bind_text(name)
        .bind_text(owner)
        .bind(epoch.value)
        .bind(microseconds_of(now + kLeaseDuration))
        .bind(std::int64_t{*locked == Locked::kYes});
    if (auto written = cursor->run(); !written) return fail(std::move(written.error()));
    return Lease{key, std::string(owner), epoch};
  });
  if (taken && *locked == Locked::kYes) locks_.at(key).epoch = taken->epoch;
  if (!taken && !had_lock) locks_.erase(key);
  return taken;
}

Status SqliteLeases::renew(const Lease& lease) {
  std::lock_guard guard(mutex_);
  // A former owner that was paused may have let go of the file meanwhile.
  const auto locked = lock_file(lease.name);
  if (!locked) return fail(locked.error());
  auto renewed = database_.write("renewing a lease", [&](Connection& connection) -> Status {
    if (auto held = check_lease(connection, lease); !held) return held;
    auto cursor = connection.prepare("UPDATE leases SET expires_at = ?1, locked = ?2 WHERE name = ?3");
    if (!cursor) return fail(std::move(cursor.error()));
    cursor->bind(microseconds_of(database_now() + kLeaseDuration))
        .bind(std::int64_t{*locked == Locked::kYes})
        .bind_text(lease.name);
    return cursor->run();
  });
  if (!renewed && renewed.error().kind() == ErrorKind::kFenced) unlock_file(lease);
  return renewed;
}

Status SqliteLeases::release(const Lease& lease) {
  std::lock_guard guard(mutex_);
  auto released = database_.write("giving a lease back", [&](Connection& connection) -> Status {
    auto cursor = connection.prepare("UPDATE leases SET owner = '' WHERE name = ?1 AND owner = ?2 AND epoch = ?3");
    if (!cursor) return fail(std::move(cursor.error()));
    cursor->bind_text(lease.name).bind_text(lease.owner).bind(lease.epoch.value);
    return cursor->run();
  });
  if (released) unlock_file(lease);
  return released;
}

}  // namespace penstock::store::sqlite
