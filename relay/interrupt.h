// Ends waits from another thread: a blocking call is given token(); interrupt() ends the call that has
// the current token and leaves later ones alone; end() ends those too. renew() is the first half of
// interrupt(): calls that take a token from then on are left alone, and the answer ends the earlier one.
// Thread-safe.
#pragma once

#include <mutex>
#include <stop_token>

namespace penstock::relay {

class Interrupt {
 public:
  std::stop_token token() const {
    std::lock_guard lock(mutex_);
    return current_.get_token();
  }

  std::stop_source renew() {
    std::lock_guard lock(mutex_);
    std::stop_source before = current_;
    if (course_ == Course::kGoesOn) current_ = std::stop_source();
    return before;
  }

  // Runs callbacks of whoever waits, so not under the lock.
  void interrupt() { renew().request_stop(); }

  void end() {
    {
      std::lock_guard lock(mutex_);
      course_ = Course::kEnded;
    }
    interrupt();
  }

 private:
  mutable std::mutex mutex_;
  std::stop_source current_;
  enum class Course { kGoesOn, kEnded } course_ = Course::kGoesOn;
};

}  // namespace penstock::relay
