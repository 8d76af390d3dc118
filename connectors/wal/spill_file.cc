#include "connectors/wal/spill_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace penstock::wal {
namespace {

tl::unexpected<Error> refused(std::string_view doing, const std::string& where) {
  return fail(codes::kWalSpillFailed,
              std::string(doing) + " in " + where + ": " + std::strerror(errno));  // NOLINT(concurrency-mt-unsafe)
}

}  // namespace

SpillFile::~SpillFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

SpillFile::SpillFile(SpillFile&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), size_(std::exchange(other.size_, 0)) {}

SpillFile& SpillFile::operator=(SpillFile&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(size_, other.size_);
  return *this;
}

Status SpillFile::append(const std::string& folder, std::string_view bytes) {
  if (descriptor_ < 0) {
    std::string name = folder + "/penstock-spill-XXXXXX";
    descriptor_ = ::mkostemp(name.data(), O_CLOEXEC);
    if (descriptor_ < 0) return refused("creating a file for a large transaction", folder);
    ::unlink(name.c_str());
  }
  while (!bytes.empty()) {
    const auto written = ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(size_));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return refused("writing a large transaction to a file", folder);
    size_ += static_cast<std::uint64_t>(written);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

Status SpillFile::read(std::uint64_t offset, std::size_t count, std::string& out) const {
  const std::size_t kept = out.size();
  out.resize(kept + std::min<std::uint64_t>(count, size_ - std::min(offset, size_)));
  for (std::size_t at = kept; at < out.size();) {
    const auto got = ::pread(descriptor_, out.data() + at, out.size() - at, static_cast<off_t>(offset + (at - kept)));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return refused("reading a large transaction back", "its file");
    at += static_cast<std::size_t>(got);
  }
  return {};
}

}  // namespace penstock::wal
