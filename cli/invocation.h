// One call of the program: what every command is given, and what it leaves behind.
#pragma once

#include <unistd.h>

#include <iostream>
#include <string>
#include <string_view>

#include "cli/exit_code.h"
#include "cli/output.h"
#include "config/references.h"

namespace penstock::cli {

struct Invocation {
  std::ostream& out = std::cout;  // results
  std::ostream& err = std::cerr;  // talk
  config::Environment environment;
  std::string config_path;  // of -c; empty if it wasn't given
  OutputFormat format = OutputFormat::kTable;
  Colour colour = Colour::kAuto;
  ExitCode exit = ExitCode::kOk;

  // Of what is written to `descriptor`.
  Palette palette(int descriptor = STDOUT_FILENO) const;
  // Says the error and sets the exit code.
  void fail(const Error& error);
  void fail(ExitCode code, std::string_view message);
};

}  // namespace penstock::cli
