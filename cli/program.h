// The program behind main(): parses the command line, runs one command, says how it ended.
#pragma once

namespace penstock::cli {

// Returns the exit code of the process. Catches what no command may let through: a broken invariant
// and exceptions of the standard library end as 70.
int run_program(int argc, const char* const* argv, const char* const* environment);

}  // namespace penstock::cli
