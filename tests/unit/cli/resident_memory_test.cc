#include "cli/resident_memory.h"

#include <gtest/gtest.h>

#include <fstream>
#include <stdexcept>
#include <string>

namespace penstock::cli {
namespace {

// Pages of files that this process has in memory, in KiB.
long resident_file_kb() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("RssFile:")) return std::stol(line.substr(8));
  }
  throw std::runtime_error("/proc/self/status has no RssFile");
}

TEST(ResidentMemory, IsLessAfterThePagesOfTheStartWereGivenBack) {
  const long before = resident_file_kb();
  give_back_pages_of_the_start();
  EXPECT_LT(resident_file_kb(), before);
}

TEST(ResidentMemory, KeepsWhatWasWritten) {
  static std::string written = "at start";
  written = "later";
  give_back_pages_of_the_start();
  EXPECT_EQ(written, "later");
  EXPECT_THROW((void)std::stol("x"), std::invalid_argument);  // through code and tables of a library
}

}  // namespace
}  // namespace penstock::cli
