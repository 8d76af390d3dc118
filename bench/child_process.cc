#include "bench/child_process.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstring>
#include <stdexcept>
#include <thread>

extern char** environ;

namespace penstock::bench {
namespace {

constexpr std::chrono::seconds kGrace{10};
constexpr std::chrono::milliseconds kLook{10};

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

}  // namespace

ChildProcess::ChildProcess(const std::vector<std::string>& command, const std::string& log_file) {
  if (command.empty()) throw std::runtime_error("no command behind --");
  std::vector<char*> words;
  for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  posix_spawn_file_actions_adddup2(&files, STDOUT_FILENO, STDERR_FILENO);
  const int error = posix_spawnp(&pid_, words[0], &files, nullptr, words.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  if (error != 0) throw std::runtime_error(command[0] + ": " + std::strerror(error));
}

ChildProcess::~ChildProcess() { end(); }

void ChildProcess::look(Wait wait) {
  if (!running_) return;
  int status = 0;
  rusage used{};
  if (wait4(pid_, &status, wait == Wait::kForIt ? 0 : WNOHANG, &used) != pid_) return;
  running_ = false;
  failed_ = !WIFEXITED(status) || WEXITSTATUS(status) != 0;
  usage_ = {seconds(used.ru_utime) + seconds(used.ru_stime), used.ru_maxrss};
}

bool ChildProcess::ended() {
  look(Wait::kNot);
  return !running_;
}

bool ChildProcess::failed() {
  look(Wait::kNot);
  return failed_;
}

Usage ChildProcess::end() {
  look(Wait::kNot);
  if (!running_) return usage_;
  kill(pid_, SIGTERM);
  for (auto waited = kLook; running_ && waited < kGrace; waited += kLook) {
    std::this_thread::sleep_for(kLook);
    look(Wait::kNot);
  }
  if (running_) kill(pid_, SIGKILL);
  look(Wait::kForIt);
  return usage_;
}

}  // namespace penstock::bench
