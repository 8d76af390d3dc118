#include "config/file_text.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

#include "core/descriptor.h"

namespace penstock::config {
namespace {

std::string words_of(int error) { return std::generic_category().message(error); }

}  // namespace

tl::expected<std::string, std::string> read_file_text(const std::string& path, std::size_t limit_bytes) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (file.number() < 0) return tl::unexpected(words_of(errno));
  struct stat status {};
  if (::fstat(file.number(), &status) != 0) return tl::unexpected(words_of(errno));
  if (S_ISDIR(status.st_mode)) return tl::unexpected(words_of(EISDIR));

  std::string text;
  std::array<char, 16 << 10> block;
  for (;;) {
    const ssize_t got = ::read(file.number(), block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return tl::unexpected(words_of(errno));
    if (got == 0) return text;
    text.append(block.data(), static_cast<std::size_t>(got));
    if (text.size() > limit_bytes) return tl::unexpected("it is larger than " + std::to_string(limit_bytes) + " bytes");
  }
}

}  // namespace penstock::config
