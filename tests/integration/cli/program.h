// The real program, called as a user calls it: in a folder of its own, with an environment of its own.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "store/store.h"
#include "tests/support/temporary_folder.h"

namespace penstock::tests {

struct Ended {
  int exit_code = -1;  // 128 + number for a signal
  std::string out, err;
};

// A folder to call the program in. Nothing of the test's own environment gets into a call but PATH.
class ProgramFolder {
 public:
  std::string file(std::string_view name) const { return folder_.file(name); }
  void write(std::string_view name, std::string_view text) const;

  // The store in this file, beside the program.
  std::unique_ptr<store::Store> open_store(std::string_view name) const;

  std::map<std::string, std::string> environment;

  // Runs to the end; killed after half a minute, which fails by its exit code.
  Ended call(const std::vector<std::string>& arguments, std::string_view input = {},
             const char* standard_output = nullptr) const;

 private:
  TemporaryFolder folder_;
};

// A program that runs until it is told to stop. Killed at the latest when this goes.
class RunningProgram {
 public:
  // Standard output goes to `<name>.out`, to an unread pipe, or to one that nobody will ever read; standard error to
  // `<name>.err`.
  enum class Output { kFile, kUnreadPipe, kClosedPipe };
  RunningProgram(const ProgramFolder& folder, const std::string& name, const std::vector<std::string>& arguments,
                 Output output = Output::kFile);
  ~RunningProgram();
  RunningProgram(const RunningProgram&) = delete;
  RunningProgram& operator=(const RunningProgram&) = delete;

  std::string out() const;
  std::string err() const;
  void signal(int number) const;
  // Looks every few milliseconds; false if the program ended or the deadline passed before it held.
  bool wait_until(const std::function<bool()>& condition, std::chrono::seconds patience = std::chrono::seconds(20));
  // The exit code, 128 + number for a signal, -1 if it still ran at the deadline.
  int wait_for_end(std::chrono::seconds patience = std::chrono::seconds(20));

 private:
  bool ended_within(std::chrono::milliseconds wait);

  std::string out_path_, err_path_;
  pid_t pid_ = -1;
  int handle_ = -1;       // pidfd
  int unread_pipe_ = -1;  // our end of it
  int exit_code_ = -1;
};

}  // namespace penstock::tests
