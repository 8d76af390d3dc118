// Lines of a file or of standard input, one after the other.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/error.h"

namespace penstock::store::archive {

struct Line {
  std::string_view text;  // without its line feed; valid until the next one is read
  std::uint64_t number;   // from 1
  std::uint64_t begin;    // offset of its first byte
  enum class Ends { kWithLineFeed, kWithTheFile } ends = Ends::kWithLineFeed;
};

// Single-threaded. Holds one line, and at most a megabyte of what follows.
class LineReader {
 public:
  // "-" is standard input. Error: archive.unreadable.
  static Result<LineReader> open(const std::string& path);

  // nullopt behind the last line. Errors: archive.unreadable; archive.malformed for a line beyond 256 MiB.
  Result<std::optional<Line>> next();

  const std::string& name() const { return name_; }
  // Of the whole file; nullopt for what is no regular file.
  std::optional<std::uint64_t> size_bytes() const { return size_; }
  // The last bytes of a regular file, at most so many; empty for what is none.
  Result<std::string> last_bytes(std::size_t most) const;

 private:
  struct Close {
    void operator()(const int* descriptor) const;
  };
  LineReader(std::string name, std::unique_ptr<int, Close> descriptor);
  Result<std::size_t> fill();

  std::string name_;
  std::unique_ptr<int, Close> descriptor_;
  std::optional<std::uint64_t> size_;
  std::string buffer_;
  std::size_t at_ = 0;  // where the next line begins in it
  std::uint64_t number_ = 0, offset_ = 0;
};

}  // namespace penstock::store::archive
