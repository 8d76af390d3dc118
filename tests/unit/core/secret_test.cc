#include "core/secret.h"

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <sstream>
#include <thread>

namespace penstock {
namespace {

using Read = tl::expected<std::string, std::string>;

TEST(Secret, IsNeverPrinted) {
  std::ostringstream out;
  out << Secret("hunter2");
  EXPECT_EQ(out.str(), "***");
}

TEST(Secret, StaysAsItIsWhereThereIsNothingToReadAgain) {
  const auto current = Secret("first").current();
  EXPECT_EQ(current.secret.reveal(), "first");
  EXPECT_EQ(current.fault, "");
}

TEST(Secret, IsReadAgainWhereItCameFromAndStillToldApartByItsFirstText) {
  std::string text = "first";
  const Secret secret("first", [&] { return Read(text); });
  const Secret copy = secret;
  text = "second";
  EXPECT_EQ(copy.current().secret.reveal(), "second");
  EXPECT_EQ(copy.reveal(), "first");
}

TEST(Secret, IsWhatWasReadLastByAnyCopyWhereItCannotBeRead) {
  Read text = "first";
  const Secret secret("first", [&] { return text; });
  const Secret copy = secret;
  text = "second";
  EXPECT_EQ(copy.current().fault, "");
  text = tl::unexpected(std::string("it is gone"));
  const auto current = secret.current();
  EXPECT_EQ(current.secret.reveal(), "second");
  EXPECT_EQ(current.fault, "it is gone");
}

TEST(Secret, IsNotSetBackByOneThatReadEarlier) {
  std::mutex mutex;
  std::condition_variable changed;
  int begun = 0;
  bool newer_is_back = false;
  const Secret secret("first", [&]() -> Read {
    std::unique_lock lock(mutex);
    switch (++begun) {
      case 1:
        changed.notify_all();
        // In time only where two may read at once.
        changed.wait_for(lock, std::chrono::milliseconds(300), [&] { return newer_is_back; });
        return "older";
      case 2: return "newer";
      default: return tl::unexpected(std::string("it is gone"));
    }
  });
  std::jthread earlier([&] { secret.current(); });
  {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return begun == 1; });
  }
  secret.current();
  {
    const std::lock_guard lock(mutex);
    newer_is_back = true;
  }
  changed.notify_all();
  earlier.join();
  EXPECT_EQ(secret.current().secret.reveal(), "newer");
}

}  // namespace
}  // namespace penstock
