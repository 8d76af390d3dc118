#include "store/archive/archive_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

namespace penstock::store::archive {
namespace {

tl::unexpected<Error> file_error(const std::string& path) {
  return fail(codes::kArchiveUnreadable, path + ": " + std::strerror(errno));
}

// A rename is durable once the folder is.
Status sync_folder_of(const std::string& path) {
  const std::filesystem::path parent = std::filesystem::path(path).parent_path();
  const std::string folder = parent.empty() ? "." : parent.string();
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return file_error(folder);
  const int synced = ::fsync(descriptor);
  const Status done = synced == 0 ? Status() : file_error(folder);
  ::close(descriptor);
  return done;
}

}  // namespace

void ArchiveFile::Close::operator()(const int* descriptor) const {
  if (*descriptor != STDOUT_FILENO) ::close(*descriptor);
  delete descriptor;
}

Result<ArchiveFile> ArchiveFile::open(const std::string& path, int flags, Existing existing) {
  std::error_code ignored;
  if (existing == Existing::kRefused && std::filesystem::exists(path, ignored))
    return fail(codes::kArchiveExists, path + " exists already");
  const std::string partial = partial_path(path);
  const int opened = ::open(partial.c_str(), O_WRONLY | O_CLOEXEC | flags, 0666);
  if (opened < 0 && errno == EEXIST)
    return fail(codes::kArchiveUnfinished, partial + " was left by an export that did not end");
  if (opened < 0) return file_error(partial);
  std::unique_ptr<int, Close> descriptor(new int(opened));
  if (::flock(opened, LOCK_EX | LOCK_NB) != 0)
    return fail(codes::kArchiveUnfinished, partial + " is being written by another export");
  return ArchiveFile(path, std::move(descriptor));
}

Result<ArchiveFile> ArchiveFile::create(const std::string& path, Existing existing) {
  if (path == "-") return ArchiveFile("", std::unique_ptr<int, Close>(new int(STDOUT_FILENO)));
  return open(path, O_CREAT | O_EXCL, existing);
}

Result<ArchiveFile> ArchiveFile::resume(const std::string& path, std::uint64_t size, Existing existing) {
  auto file = open(path, 0, existing);
  if (!file) return file;
  const int descriptor = *file->descriptor_;
  const auto end = static_cast<off_t>(size);
  if (::ftruncate(descriptor, end) != 0 || ::lseek(descriptor, end, SEEK_SET) != end)
    return file_error(partial_path(path));
  return file;
}

Status ArchiveFile::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(*descriptor_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return file_error(path_.empty() ? "standard output" : partial_path(path_));
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

Status ArchiveFile::finish() {
  if (path_.empty()) return {};
  const std::string partial = partial_path(path_);
  if (::fsync(*descriptor_) != 0) return file_error(partial);
  if (std::rename(partial.c_str(), path_.c_str()) != 0) return file_error(path_);
  return sync_folder_of(path_);
}

}  // namespace penstock::store::archive
