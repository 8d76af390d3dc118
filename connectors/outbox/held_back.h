// Says when another transaction holds a source back: one line when that begins, one when it ends, and the
// figures in between. Single-threaded.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "connectors/source.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/log.h"

namespace penstock::outbox {

// "the transaction of pid 4711 (checkout)".
std::string name_of(const connectors::Blocker& blocker);

class HeldBack {
 public:
  // How it is said. All of it is static.
  struct Words {
    std::string_view component;
    const ErrorCode& code;
    std::string_view why;  // follows "has been open for 3 s and "
  };
  static const Words kEarlierRows;  // a source doesn't pass what it has not seen yet
  static const Words kLockedRows;   // a source can't settle what it has delivered

  // `log` outlives it.
  HeldBack(std::string source_name, Log& log, const Words& words = kEarlierRows)
      : source_name_(std::move(source_name)), log_(log), words_(words) {}

  // What a look showed. An age that our role may not see is counted from the first of the looks that saw this
  // transaction.
  void saw(std::optional<connectors::Blocker> blocker, SteadyTime now);

  const std::optional<connectors::Blocker>& by() const { return by_; }

 private:
  const std::string source_name_;
  Log& log_;
  const Words words_;
  std::optional<connectors::Blocker> by_;
  SteadyTime since_{};
  SteadyTime noticed_{};  // *by_, if our role may not see its age
};

}  // namespace penstock::outbox
