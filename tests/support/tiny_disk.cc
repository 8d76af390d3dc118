#include "tests/support/tiny_disk.h"

#include <sys/mount.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace penstock::tests {
namespace {

int mount_at(const std::string& path, std::size_t bytes, unsigned long flags) {
  const std::string size = "mode=0755,size=" + std::to_string(bytes);
  return ::mount("penstock-test", path.c_str(), "tmpfs", flags, size.c_str());
}

}  // namespace

std::string TinyDisk::reason_missing() {
  const TemporaryFolder folder;
  if (mount_at(folder.path().string(), 64 << 10, 0) != 0)
    return std::string("no small disk can be mounted here: ") + std::strerror(errno);
  ::umount2(folder.path().c_str(), MNT_DETACH);
  return {};
}

TinyDisk::TinyDisk(std::size_t bytes) {
  if (mount_at(path(), bytes, 0) != 0) throw std::runtime_error(std::string("mounting: ") + std::strerror(errno));
}

TinyDisk::~TinyDisk() { ::umount2(folder_.path().c_str(), MNT_DETACH); }

void TinyDisk::grow(std::size_t bytes) {
  if (mount_at(path(), bytes, MS_REMOUNT) != 0)
    throw std::runtime_error(std::string("growing: ") + std::strerror(errno));
}

}  // namespace penstock::tests
