// Ends waiting calls on a connection when a stop is asked for. Holds a descriptor of its own, for the library closes
// its one when a call fails.
#pragma once

#include <sys/socket.h>
#include <unistd.h>

#include <stop_token>

#include "core/descriptor.h"

namespace penstock::rabbitmq {

class StopsWaiting {
 public:
  StopsWaiting(int descriptor, const std::stop_token& stop)
      : descriptor_(::dup(descriptor)), callback_(stop, Shutdown{descriptor_.number()}) {}

 private:
  struct Shutdown {
    int descriptor;
    void operator()() const { ::shutdown(descriptor, SHUT_RDWR); }
  };

  Descriptor descriptor_;
  std::stop_callback<Shutdown> callback_;
};

}  // namespace penstock::rabbitmq
