#include "cli/demo/relay_process.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>
#include <vector>

namespace penstock::cli {
namespace {

Status system_failed(const std::string& what) {
  return fail(codes::kInternal, "the relay: " + what + ": " + std::strerror(errno));
}

// Between fork and exec: only calls that are safe there.
[[noreturn]] void become_relay(int log, pid_t parent, char* const* arguments, char* const* environment) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127);
  dup2(log, STDOUT_FILENO);
  dup2(log, STDERR_FILENO);
  execve(arguments[0], arguments, environment);
  _exit(127);
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

ProcessEnd ending_of(int status) {
  if (WIFSIGNALED(status)) return {ProcessEnd::By::kSignal, WTERMSIG(status)};
  return {ProcessEnd::By::kExit, WEXITSTATUS(status)};
}

}  // namespace

RelayProcess::~RelayProcess() { kill(); }

Result<std::string> path_of_this_program() {
  std::error_code unreadable;
  std::string program = std::filesystem::read_symlink("/proc/self/exe", unreadable).string();
  if (unreadable) return fail(codes::kInternal, "finding this program: " + unreadable.message());
  return program;
}

Status RelayProcess::start() {
  std::vector<std::string> texts{command_.program, "run", "-c", command_.config_path};
  std::vector<std::string> variables;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view variable(*entry);
    if (!command_.environment.contains(std::string(variable.substr(0, variable.find('=')))))
      variables.emplace_back(variable);
  }
  for (const auto& [name, value] : command_.environment) variables.push_back(name + "=" + value);
  const std::vector<char*> arguments = pointers_to(texts), environment = pointers_to(variables);

  const int log = ::open(command_.log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (log < 0) return system_failed("opening " + command_.log_path);
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child == 0) become_relay(log, parent, arguments.data(), environment.data());
  ::close(log);
  if (child < 0) return system_failed("starting a process");
  pid_ = child;
  return {};
}

bool RelayProcess::running() {
  if (pid_ < 0) return false;
  if (waitpid(pid_, nullptr, WNOHANG) == 0) return true;
  pid_ = -1;
  return false;
}

void RelayProcess::kill() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

Result<ProcessEnd> RelayProcess::terminate(Deadline deadline) {
  if (pid_ >= 0) ::kill(pid_, SIGTERM);
  Result<ProcessEnd> ending = await_end(deadline);
  if (!ending) kill();
  return ending;
}

Result<ProcessEnd> RelayProcess::await_end(Deadline deadline) {
  if (pid_ < 0) return fail(codes::kInternal, "the relay is not running");
  int status = 0;
  while (waitpid(pid_, &status, WNOHANG) == 0) {
    if (deadline.expired()) return fail(codes::kTimeout, "the relay did not end in time");
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  pid_ = -1;
  return ending_of(status);
}

std::string RelayProcess::last_words() const {
  std::ifstream log(command_.log_path);
  std::string line, last = "it logged nothing";
  while (std::getline(log, line)) {
    if (!line.empty()) last = line;
  }
  return last;
}

}  // namespace penstock::cli
