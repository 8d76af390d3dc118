// Whose turn it is, of all routes of a program that go carefully: while one of them tries a row, no other does. So when
// the program ends, it was that row, and not one of a route that happened to run beside it.
//
// Threads: any; nothing waits.
#pragma once

#include <deque>
#include <mutex>

namespace penstock::relay {

class CareTurn {
 public:
  // Whether it is `who`'s turn, which it then stays until give_back(). Who asks in vain is remembered, first come
  // first served, and asks again.
  bool take(const void* who);
  // Also what it does not hold yet.
  void give_back(const void* who);

 private:
  std::mutex mutex_;
  std::deque<const void*> queue_;  // the front one has the turn
};

}  // namespace penstock::relay
