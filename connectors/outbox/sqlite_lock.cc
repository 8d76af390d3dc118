#include "connectors/outbox/sqlite_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

namespace penstock::outbox {

Result<FileLock> FileLock::take(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (descriptor < 0)
    return fail(codes::kOutboxUnauthorized, "opening the lock file " + path + ": " + std::strerror(errno));
  FileLock lock(descriptor);
  if (::flock(descriptor, LOCK_EX | LOCK_NB) == 0) return lock;
  if (errno == EWOULDBLOCK) return fail(codes::kOutboxLocked, "another relay holds the lock file " + path);
  return fail(codes::kOutboxUnavailable, "locking the file " + path + ": " + std::strerror(errno));
}

FileLock::~FileLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

FileLock::FileLock(FileLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

FileLock& FileLock::operator=(FileLock&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

std::string lock_path_of(const std::string& database_path, const std::string& table) {
  std::error_code ignored;
  const auto canonical = std::filesystem::weakly_canonical(database_path, ignored);
  std::string path = (ignored ? std::filesystem::path(database_path) : canonical).string() + "-penstock-";
  static constexpr char kHexDigits[] = "0123456789abcdef";
  for (const char c : table) {
    const auto byte = static_cast<unsigned char>(c);
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_')
      path += c;
    else
      path.append(1, '%').append(1, kHexDigits[byte >> 4]).append(1, kHexDigits[byte & 0x0f]);
  }
  return path + ".lock";
}

}  // namespace penstock::outbox
