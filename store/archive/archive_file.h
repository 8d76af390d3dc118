// Where an archive is written to: a file that has its name only once it is whole, or standard output.
//
// A file is written as "<path>.partial" and renamed when it is complete and on the disk. What a crash leaves
// behind is therefore never taken for an archive, and can be gone on with.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/error.h"

namespace penstock::store::archive {

// Single-threaded.
class ArchiveFile {
 public:
  enum class Existing { kRefused, kReplaced };

  // "-" is standard output. Errors: archive.exists when there is a file of this name and it may not be
  // replaced; archive.unfinished when an earlier export left a partial one, or still writes it;
  // archive.unreadable.
  static Result<ArchiveFile> create(const std::string& path, Existing existing);
  // Goes on with the partial file behind its first `size` bytes; the rest of it is dropped.
  static Result<ArchiveFile> resume(const std::string& path, std::uint64_t size, Existing existing);

  static std::string partial_path(const std::string& path) { return path + ".partial"; }

  Status write(std::string_view bytes);
  // Everything is on the disk, and the file has its name. Nothing may be written after it.
  Status finish();

 private:
  struct Close {
    void operator()(const int* descriptor) const;
  };
  ArchiveFile(std::string path, std::unique_ptr<int, Close> descriptor)
      : path_(std::move(path)), descriptor_(std::move(descriptor)) {}

  static Result<ArchiveFile> open(const std::string& path, int flags, Existing existing);

  std::string path_;  // empty: standard output
  std::unique_ptr<int, Close> descriptor_;
};

}  // namespace penstock::store::archive
