// A program of a test's own that runs beside it: one that can be killed, or that dies at a crash point.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace penstock::tests {

// Owns the process, its input and its output; killed at the end if it still runs. One thread.
class OtherProgram {
 public:
  // `command`: path and arguments. `failpoint` as in PENSTOCK_FAILPOINT. Throws std::runtime_error.
  explicit OtherProgram(std::vector<std::string> command, const std::string& failpoint = {});
  ~OtherProgram();
  OtherProgram(const OtherProgram&) = delete;
  OtherProgram& operator=(const OtherProgram&) = delete;

  void kill(int signal) const;
  // Waits until it has stopped, as by SIGSTOP; false if it ended before.
  bool wait_for_stop();
  // Status as of waitpid.
  int wait();
  // Waits until that many lines came; false if the program ended before.
  bool wait_for_lines(std::size_t count);
  // Takes what it has printed so far, so that it never waits for its reader.
  void take_output();
  // Everything that it prints until it ends.
  const std::string& all_output();

 private:
  bool read_some();

  pid_t process_ = -1;
  int status_ = 0, input_ = -1, output_ = -1;
  std::string text_;
};

}  // namespace penstock::tests
