// Carries out commands on a source and on the parked list: what the thread that owns a source does,
// without the thread.
#pragma once

#include <stop_token>
#include <string>

#include "relay/source_port.h"

namespace penstock::relay {

// One thread at a time. `source` and `parked` outlive it.
class SourceWorker {
 public:
  struct Names {
    std::string route;
    std::string source;
  };
  SourceWorker(connectors::Source& source, store::ParkedEvents& parked, Names names)
      : source_(source), parked_(parked), names_(std::move(names)) {}

  // Blocks as long as the source does. `stop` ends the wait of an open or a read. Once an error has
  // ended an opening, reads and settles of it are answered with that error and not tried. A broken
  // invariant or a foreign exception is an answer too: core.internal.
  SourceAnswer carry_out(SourceCommand command, const std::stop_token& stop);

  // For a source that nothing is asked of; an error ends the opening.
  Status keep_alive();
  bool is_open() const { return opening_ == Opening::kOpen; }

 private:
  Status open(const Lease& lease, const std::stop_token& stop);
  Result<connectors::ReadBatch> read(const connectors::ReadRoom& room, const std::stop_token& stop);
  Status settle(ReadMark mark);
  tl::unexpected<Error> end_opening(Error error);

  connectors::Source& source_;
  store::ParkedEvents& parked_;
  const Names names_;
  enum class Opening { kNone, kOpen } opening_ = Opening::kNone;
  Error last_error_{codes::kStopped, "the source is closed"};
};

}  // namespace penstock::relay
