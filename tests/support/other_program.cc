#include "tests/support/other_program.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>

#include "tests/support/eventually.h"

namespace penstock::tests {
namespace {

constexpr int kFarAwayMs = 30'000;

}  // namespace

OtherProgram::OtherProgram(std::vector<std::string> command, const std::string& failpoint) {
  int input[2], output[2];
  if (pipe2(input, O_CLOEXEC) != 0 || pipe2(output, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, input[0], STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output[1], STDOUT_FILENO);
  std::vector<char*> argv, environment;
  for (std::string& argument : command) argv.push_back(argument.data());
  argv.push_back(nullptr);
  std::string armed = "PENSTOCK_FAILPOINT=" + failpoint;
  for (char** variable = environ; *variable != nullptr; ++variable) environment.push_back(*variable);
  environment.push_back(armed.data());
  environment.push_back(nullptr);
  const int failed = posix_spawn(&process_, argv[0], &actions, nullptr, argv.data(), environment.data());
  posix_spawn_file_actions_destroy(&actions);
  ::close(input[0]);
  ::close(output[1]);
  input_ = input[1];
  output_ = output[0];
  if (failed != 0) throw std::runtime_error("can't start " + command[0]);
}

OtherProgram::~OtherProgram() {
  kill(SIGKILL);
  wait();
  ::close(input_);
  ::close(output_);
}

void OtherProgram::kill(int signal) const {
  if (process_ > 0) ::kill(process_, signal);
}

bool OtherProgram::wait_for_stop() {
  int status = 0;
  if (!eventually([&] { return waitpid(process_, &status, WNOHANG | WUNTRACED) == process_; }))
    throw std::runtime_error("the other program hangs");
  if (WIFSTOPPED(status)) return true;
  status_ = status;
  process_ = -1;
  return false;
}

int OtherProgram::wait() {
  if (process_ > 0) waitpid(process_, &status_, 0);
  process_ = -1;
  return status_;
}

bool OtherProgram::wait_for_lines(std::size_t count) {
  while (std::count(text_.begin(), text_.end(), '\n') < static_cast<std::ptrdiff_t>(count)) {
    if (!read_some()) return false;
  }
  return true;
}

void OtherProgram::take_output() {
  for (pollfd waited{output_, POLLIN, 0}; poll(&waited, 1, 0) > 0 && read_some();) {
  }
}

const std::string& OtherProgram::all_output() {
  while (read_some()) {
  }
  return text_;
}

bool OtherProgram::read_some() {
  pollfd waited{output_, POLLIN, 0};
  if (poll(&waited, 1, kFarAwayMs) <= 0) throw std::runtime_error("the other program hangs");
  char buffer[4096];
  const ssize_t length = read(output_, buffer, sizeof buffer);
  if (length <= 0) return false;
  text_.append(buffer, static_cast<std::size_t>(length));
  return true;
}

}  // namespace penstock::tests
