// The relay as a child process, run as an operator would run it: for `penstock demo` and the end-to-end tests.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>

#include "core/clock.h"
#include "core/error.h"

namespace penstock::cli {

struct RelayCommand {
  std::string program;
  std::string config_path;
  std::string log_path;                                 // standard output and error are appended
  std::map<std::string, std::string> environment = {};  // over the own one
};

// The path of the program that is running. Error: core.internal.
Result<std::string> path_of_this_program();

// How a process ended: an exit code, or the number of the signal that ended it.
struct ProcessEnd {
  enum class By { kExit, kSignal } by;
  int number;
};

// Ends with its owner: when the thread that started it is gone, the system kills the child.
// Threads: one caller, the thread that called start().
class RelayProcess {
 public:
  explicit RelayProcess(RelayCommand command) : command_(std::move(command)) {}
  ~RelayProcess();
  RelayProcess(const RelayProcess&) = delete;
  RelayProcess& operator=(const RelayProcess&) = delete;

  // Error: core.internal with the system's words.
  Status start();
  bool running();
  pid_t pid() const { return pid_; }

  // SIGKILL; waits until it is gone.
  void kill();
  // SIGTERM, then waits. Error: core.timeout if it doesn't end by then; it is killed in that case.
  Result<ProcessEnd> terminate(Deadline deadline);
  // Waits until it ends by itself. Error: core.timeout; it goes on running.
  Result<ProcessEnd> await_end(Deadline deadline);

  // The last line that it logged.
  std::string last_words() const;

 private:
  RelayCommand command_;
  pid_t pid_ = -1;
};

}  // namespace penstock::cli
