// Says when another transaction keeps a source from passing what it has not seen yet: one line when that
// begins, one when it ends, and the figures in between. Single-threaded.
#pragma once

#include <optional>
#include <string>

#include "connectors/source.h"
#include "core/clock.h"
#include "core/log.h"

namespace penstock::outbox {

class HeldBack {
 public:
  // `log` outlives it.
  HeldBack(std::string source_name, Log& log) : source_name_(std::move(source_name)), log_(log) {}

  // What a look showed.
  void saw(std::optional<connectors::Blocker> blocker, SteadyTime now);

  const std::optional<connectors::Blocker>& by() const { return by_; }

 private:
  const std::string source_name_;
  Log& log_;
  std::optional<connectors::Blocker> by_;
  SteadyTime since_{};
};

}  // namespace penstock::outbox
