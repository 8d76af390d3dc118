#include "api/process_figures.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <latch>
#include <thread>
#include <vector>

#include "core/clock.h"

namespace penstock::api {
namespace {

TEST(ProcessFigures, AreThoseOfThisProcess) {
  const ProcessFigures before = read_process_figures();
  const int descriptor = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  const ProcessFigures after = read_process_figures();
  ::close(descriptor);
  EXPECT_EQ(*after.open_fds, *before.open_fds + 1);
  EXPECT_GE(*after.cpu_seconds, *before.cpu_seconds);
  EXPECT_GT(*after.max_fds, *after.open_fds);
  EXPECT_GT(*after.resident_bytes, 1 << 20);
}

TEST(ProcessFigures, CountThreads) {
  constexpr int kOthers = 16;
  // No exact number: a sanitizer starts a thread of its own with the first one.
  EXPECT_LT(*read_process_figures().threads, kOthers);
  std::latch counted(1);
  std::vector<std::jthread> others;
  for (int i = 0; i < kOthers; ++i) others.emplace_back([&counted] { counted.wait(); });
  EXPECT_GT(*read_process_figures().threads, kOthers);
  counted.count_down();
}

TEST(ProcessFigures, KnowWhenTheProcessWasStarted) {
  const std::chrono::duration<double> now = SystemClock().wall_now().time_since_epoch();
  const double start = *read_process_figures().start_time_seconds;
  EXPECT_LT(start, now.count() + 2);  // the kernel's clock is in whole seconds
  EXPECT_GT(start, now.count() - 3'600);
}

}  // namespace
}  // namespace penstock::api
