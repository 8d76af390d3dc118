#include "connectors/console/line_writer.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <string>

namespace penstock::console {
namespace {

constexpr int kWaitMs = 100;
constexpr std::chrono::seconds kStall{1};
// What a pipe that polls as writable takes without blocking (POSIX: PIPE_BUF).
constexpr std::size_t kPiece = 4'096;
// A file takes anything.
constexpr std::size_t kPieceOfFile = 64 << 10;
constexpr unsigned kMemoryDevices = 1;  // major number of /dev/null and its like

tl::unexpected<Error> failed(int error) {
  return fail(codes::kConsoleWriteFailed, std::string("standard output: ") + std::strerror(error));
}

std::size_t piece_for(int descriptor) {
  struct stat found {};
  if (fstat(descriptor, &found) != 0) return kPiece;
  const bool is_file = S_ISREG(found.st_mode) || (S_ISCHR(found.st_mode) && major(found.st_rdev) == kMemoryDevices);
  return is_file ? kPieceOfFile : kPiece;
}

}  // namespace

LineWriter::LineWriter(int descriptor) : descriptor_(descriptor), piece_(piece_for(descriptor)) {}

Status LineWriter::check() const {
  const int flags = fcntl(descriptor_, F_GETFL);
  if (flags < 0) return failed(errno);
  if ((flags & O_ACCMODE) == O_RDONLY) return failed(EBADF);
  pollfd look{descriptor_, POLLOUT, 0};
  if (poll(&look, 1, 0) > 0 && (look.revents & (POLLERR | POLLNVAL)) != 0) return failed(EPIPE);
  return {};
}

Result<std::size_t> LineWriter::write_some(std::string_view text) {
  pollfd room{descriptor_, POLLOUT, 0};
  const int ready = poll(&room, 1, kWaitMs);
  if (ready == 0 && !refused_since_) refused_since_ = std::chrono::steady_clock::now();
  if (ready == 0 || (ready < 0 && errno == EINTR)) return 0;
  if (ready < 0) return failed(errno);

  std::string_view piece = text.substr(0, piece_);
  if (cut_off_) piece = "\n";
  const auto taken = ::write(descriptor_, piece.data(), piece.size());
  if (taken < 0) {
    if (errno == EINTR || errno == EAGAIN) return 0;
    return failed(errno);
  }
  refused_since_.reset();
  if (taken > 0) mid_line_ = piece[static_cast<std::size_t>(taken) - 1] != '\n';
  if (!cut_off_) return static_cast<std::size_t>(taken);
  cut_off_ = taken == 0;
  return 0;
}

bool LineWriter::stalled() const {
  return refused_since_ && std::chrono::steady_clock::now() - *refused_since_ >= kStall;
}

std::shared_ptr<const Error> LineWriter::why_stalled() const {
  return std::make_shared<const Error>(codes::kConsoleWriteFailed, "standard output takes nothing; its reader stalls");
}

void LineWriter::block_broken_pipe_signal() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

}  // namespace penstock::console
