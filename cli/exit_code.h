// What the program answers to the shell (sysexits.h, as far as it goes).
#pragma once

#include "core/error.h"

namespace penstock::cli {

enum class ExitCode {
  kOk = 0,
  kNegative = 1,      // findings, a conflict, no such thing
  kUsage = 64,        // wrong flags or arguments
  kBadData = 65,      // the input is not what it says
  kUnavailable = 69,  // a database or broker does not answer
  kInternal = 70,     // a defect of this program
  kSystem = 71,       // the operating system refuses
  kIo = 74,           // standard input or output failed
  kTryAgain = 75,     // in doubt, throttled, timed out, held by another
  kNotAllowed = 77,   // credentials or rights
  kConfig = 78,       // the configuration is wrong
  kInterrupted = 130  // SIGINT
};

// For a command that failed with `error`.
ExitCode exit_code_of(const Error& error);

}  // namespace penstock::cli
