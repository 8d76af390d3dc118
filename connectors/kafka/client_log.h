// librdkafka's own log lines, taken over and thinned out: it says the same for each broker and each
// retry. A facility is said once, then at most every 30 seconds, with the number left out.
//
// Threads: one at a time.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "core/clock.h"
#include "core/log.h"

namespace penstock::kafka {

class ClientLog {
 public:
  static constexpr std::chrono::seconds kQuiet{30};

  // Both outlive it. `client` is the client.id, said with each line.
  ClientLog(Log& log, const Clock& clock, std::string client);

  // `severity` is syslog's: 0 emergency … 7 debug.
  void write(int severity, std::string_view facility, std::string_view text);

 private:
  struct Spoken {
    SteadyTime at;
    std::uint64_t left_out = 0;
  };

  Log& log_;
  const Clock& clock_;
  std::string client_;
  std::map<std::string, Spoken, std::less<>> facilities_;
};

}  // namespace penstock::kafka
