// A disk of its own for one test, small enough to be filled, and larger when the test says so. A file system in memory;
// mounting it takes root:
//   if (const auto why = TinyDisk::reason_missing(); !why.empty()) GTEST_SKIP() << why;
#pragma once

#include <cstddef>
#include <string>

#include "tests/support/temporary_folder.h"

namespace penstock::tests {

class TinyDisk {
 public:
  // Why there can be none, in words; empty when there can.
  static std::string reason_missing();

  // Throws std::runtime_error when it can't be mounted.
  explicit TinyDisk(std::size_t bytes);
  ~TinyDisk();
  TinyDisk(const TinyDisk&) = delete;
  TinyDisk& operator=(const TinyDisk&) = delete;

  std::string file(std::string_view name) const { return folder_.file(name); }
  std::string path() const { return folder_.path().string(); }
  void grow(std::size_t bytes);

 private:
  TemporaryFolder folder_;
};

}  // namespace penstock::tests
