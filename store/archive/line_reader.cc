#include "store/archive/line_reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace penstock::store::archive {
namespace {

constexpr std::size_t kChunk = 1 << 20, kLongestLine = 256 << 20;

tl::unexpected<Error> file_error(const std::string& name) {
  return fail(codes::kArchiveUnreadable, name + ": " + std::strerror(errno));
}

}  // namespace

void LineReader::Close::operator()(const int* descriptor) const {
  if (*descriptor != STDIN_FILENO) ::close(*descriptor);
  delete descriptor;
}

LineReader::LineReader(std::string name, std::unique_ptr<int, Close> descriptor)
    : name_(std::move(name)), descriptor_(std::move(descriptor)) {
  struct stat found {};
  if (::fstat(*descriptor_, &found) == 0 && S_ISREG(found.st_mode) && *descriptor_ != STDIN_FILENO)
    size_ = static_cast<std::uint64_t>(found.st_size);
}

Result<LineReader> LineReader::open(const std::string& path) {
  if (path == "-") return LineReader("standard input", std::unique_ptr<int, Close>(new int(STDIN_FILENO)));
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return file_error(path);
  return LineReader(path, std::unique_ptr<int, Close>(new int(descriptor)));
}

Result<std::optional<Line>> LineReader::next() {
  std::size_t searched = at_;
  for (;;) {
    const std::size_t end = buffer_.find('\n', searched);
    if (end != std::string::npos) {
      const Line line{std::string_view(buffer_).substr(at_, end - at_), ++number_, offset_};
      offset_ += end + 1 - at_;
      at_ = end + 1;
      return line;
    }
    if (buffer_.size() - at_ > kLongestLine)
      return fail(codes::kArchiveMalformed,
                  name_ + ":" + std::to_string(number_ + 1) + ": the line has more than 256 MiB");
    searched = buffer_.size() - at_;
    const auto more = fill();
    if (!more) return fail(more.error());
    if (*more > 0) continue;
    if (buffer_.empty()) return std::nullopt;
    const Line rest{buffer_, ++number_, offset_, Line::Ends::kWithTheFile};
    offset_ += buffer_.size();
    at_ = buffer_.size();
    return rest;
  }
}

// Moves the line that has begun to the front, and answers how many bytes came behind it.
Result<std::size_t> LineReader::fill() {
  buffer_.erase(0, at_);
  at_ = 0;
  const std::size_t had = buffer_.size();
  // A long line is read in ever larger pieces, so that it isn't searched and moved again and again.
  const std::size_t wanted = std::max(kChunk, had);
  buffer_.resize(had + wanted);
  ssize_t got = -1;
  do got = ::read(*descriptor_, buffer_.data() + had, wanted);
  while (got < 0 && errno == EINTR);
  buffer_.resize(had + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  if (got < 0) return file_error(name_);
  return static_cast<std::size_t>(got);
}

Result<std::string> LineReader::last_bytes(std::size_t most) const {
  if (!size_) return std::string();
  const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(most, *size_));
  std::string bytes(wanted, '\0');
  for (std::size_t had = 0; had < wanted;) {
    const ssize_t got =
        ::pread(*descriptor_, bytes.data() + had, wanted - had, static_cast<off_t>(*size_ - wanted + had));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return file_error(name_);
    had += static_cast<std::size_t>(got);
  }
  return bytes;
}

}  // namespace penstock::store::archive
