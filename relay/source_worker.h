// Carries out commands on a source, on the parked list and on the book of attempts: what the thread that owns a source
// does, without the thread.
#pragma once

#include <stop_token>
#include <string>

#include "relay/source_port.h"

namespace penstock::relay {

// One thread at a time. `source`, `parked` and `attempts` outlive it.
class SourceWorker {
 public:
  struct Names {
    std::string route;
    std::string source;
  };
  struct Lists {
    store::ParkedEvents& parked;
    store::Attempts& attempts;
  };
  // An event is tried `attempts` times where the program may have crashed of it.
  SourceWorker(connectors::Source& source, Lists lists, Names names, std::uint32_t attempts)
      : source_(source),
        parked_(lists.parked),
        names_(std::move(names)),
        book_(lists.attempts, names_.route, attempts) {}

  // Blocks as long as the source does. `stop` ends the wait of an open or a read. Once an error has
  // ended an opening, reads and settles of it are answered with that error and not tried. A broken
  // invariant or a foreign exception is an answer too: core.internal.
  SourceAnswer carry_out(SourceCommand command, const std::stop_token& stop);

  // For a source that nothing is asked of; an error ends the opening.
  Status keep_alive();
  bool is_open() const { return opening_ == Opening::kOpen; }
  // What ended the last opening.
  const Error& last_error() const { return last_error_; }

 private:
  SourceOpened open(const Lease& lease, const std::stop_token& stop);
  Result<connectors::ReadBatch> read(const connectors::ReadRoom& room, const std::stop_token& stop);
  Status settle(ReadMark mark);
  Result<AttemptBook::Verdict> begin(const std::string& row);
  tl::unexpected<Error> end_opening(Error error);

  connectors::Source& source_;
  store::ParkedEvents& parked_;
  const Names names_;
  AttemptBook book_;
  enum class Opening { kNone, kOpen } opening_ = Opening::kNone;
  Error last_error_{codes::kStopped, "the source is closed"};
};

}  // namespace penstock::relay
