#include "tests/integration/cli/program.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "store/sqlite/sqlite_store.h"

namespace penstock::tests {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

std::string content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

struct Files {
  std::string in, out, err;
  int out_descriptor = -1;  // instead of `out`
};

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

pid_t spawn(const ProgramFolder& folder, std::vector<std::string> arguments, const Files& files) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addchdir_np(&actions, folder.file("").c_str());
  posix_spawn_file_actions_addopen(&actions, 0, files.in.c_str(), O_RDONLY, 0);
  if (files.out_descriptor >= 0) {
    posix_spawn_file_actions_adddup2(&actions, files.out_descriptor, 1);
  } else {
    posix_spawn_file_actions_addopen(&actions, 1, files.out.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  }
  posix_spawn_file_actions_addopen(&actions, 2, files.err.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);

  arguments.insert(arguments.begin(), PENSTOCK_PROGRAM);
  std::vector<std::string> environment{std::string("PATH=") + std::getenv("PATH")};
  for (const auto& [name, value] : folder.environment) environment.push_back(name + "=" + value);
  pid_t pid = -1;
  const int error = ::posix_spawn(&pid, PENSTOCK_PROGRAM, &actions, nullptr, pointers_to(arguments).data(),
                                  pointers_to(environment).data());
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw std::runtime_error("can't start the program");
  return pid;
}

int open_handle(pid_t pid) { return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)); }

bool ends_within(int handle, milliseconds wait) {
  pollfd target{handle, POLLIN, 0};
  return ::poll(&target, 1, static_cast<int>(wait.count())) > 0;
}

int reap(pid_t pid) {
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

void ProgramFolder::write(std::string_view name, std::string_view text) const {
  std::ofstream(file(name), std::ios::binary) << text;
}

std::unique_ptr<store::Store> ProgramFolder::open_store(std::string_view name) const {
  return store::sqlite::make_sqlite_store({.url = Secret("sqlite:" + file(name))});
}

Ended ProgramFolder::call(const std::vector<std::string>& arguments, std::string_view input,
                          const char* standard_output) const {
  const Files files{file("call.in"), standard_output == nullptr ? file("call.out") : standard_output, file("call.err")};
  std::filesystem::remove(file("call.out"));
  std::filesystem::remove(files.err);
  write("call.in", input);
  const pid_t pid = spawn(*this, arguments, files);
  const int handle = open_handle(pid);
  if (!ends_within(handle, std::chrono::seconds(30))) ::kill(pid, SIGKILL);
  ::close(handle);
  Ended ended;
  ended.exit_code = reap(pid);
  if (standard_output == nullptr) ended.out = content_of(files.out);
  ended.err = content_of(files.err);
  return ended;
}

RunningProgram::RunningProgram(const ProgramFolder& folder, const std::string& name,
                               const std::vector<std::string>& arguments, Output output)
    : out_path_(folder.file(name + ".out")), err_path_(folder.file(name + ".err")) {
  Files files{"/dev/null", out_path_, err_path_};
  std::array<int, 2> ends{-1, -1};
  if (output != Output::kFile) {
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("can't make a pipe");
    unread_pipe_ = ends[0];
    files.out_descriptor = ends[1];
  }
  if (output == Output::kClosedPipe) ::close(std::exchange(unread_pipe_, -1));
  pid_ = spawn(folder, arguments, files);
  handle_ = open_handle(pid_);
  if (ends[1] >= 0) ::close(ends[1]);
}

RunningProgram::~RunningProgram() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    reap(pid_);
  }
  ::close(handle_);
  if (unread_pipe_ >= 0) ::close(unread_pipe_);
}

std::string RunningProgram::out() const { return content_of(out_path_); }
std::string RunningProgram::err() const { return content_of(err_path_); }

void RunningProgram::signal(int number) const { ::kill(pid_, number); }

bool RunningProgram::ended_within(milliseconds wait) {
  if (pid_ < 0) return true;
  if (!ends_within(handle_, wait)) return false;
  exit_code_ = reap(pid_);
  pid_ = -1;
  return true;
}

bool RunningProgram::wait_until(const std::function<bool()>& condition, std::chrono::seconds patience) {
  const auto deadline = Clock::now() + patience;
  while (!condition()) {
    if (Clock::now() > deadline || ended_within(milliseconds(10))) return condition();
  }
  return true;
}

int RunningProgram::wait_for_end(std::chrono::seconds patience) { return ended_within(patience) ? exit_code_ : -1; }

}  // namespace penstock::tests
