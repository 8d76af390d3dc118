// A file without a name that takes what does not fit into memory, and gives it back in order. It is
// gone when it is closed, also after a crash. Single-threaded. Errors: wal.spill_failed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/error.h"

namespace penstock::wal {

class SpillFile {
 public:
  SpillFile() = default;
  ~SpillFile();
  SpillFile(SpillFile&& other) noexcept;
  SpillFile& operator=(SpillFile&& other) noexcept;

  // Creates the file in `folder` at the first call.
  Status append(const std::string& folder, std::string_view bytes);
  // Reads up to `count` bytes from `offset` on behind what `out` holds; fewer only at the end.
  Status read(std::uint64_t offset, std::size_t count, std::string& out) const;
  std::uint64_t size() const { return size_; }

 private:
  int descriptor_ = -1;
  std::uint64_t size_ = 0;
};

}  // namespace penstock::wal
