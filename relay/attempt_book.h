// Keeps the attempts of one route in the store: how many openings of its source had no good end, and which row was
// under way when a program ended. It writes once an opening, and once a row where the route goes carefully (care.h).
//
// Of the thread that owns the source: calls block as long as the store does.
#pragma once

#include <optional>
#include <string>

#include "store/attempts.h"

namespace penstock::relay {

class AttemptBook {
 public:
  // `attempts` outlives it. A row is tried `limit` times.
  AttemptBook(store::Attempts& attempts, std::string route, std::uint32_t limit)
      : attempts_(attempts), route_(std::move(route)), limit_(limit) {}

  // The source is to be opened. Answers how many openings by other programs, or by this one before it was started
  // again, are without a good end.
  Result<std::uint32_t> enter();

  enum class Verdict { kTry, kGiveUp };
  // Before anything is done with a row that may end the program. One row at a time: the last one has ended well.
  Result<Verdict> begin(const std::string& row);
  // The program has outlived the attempt, though the row is still on its way.
  Status end();

  // A good end, or reason enough to believe that no row ends the program.
  Status forget();

 private:
  store::Attempts& attempts_;
  const std::string route_;
  const std::uint32_t limit_;
  store::RouteAttempts before_;     // of this program's own
  std::optional<std::string> row_;  // the last one that was begun
  enum class Attempt { kUnderWay, kEnded } attempt_ = Attempt::kEnded;
  enum class Entry { kNone, kWritten } entry_ = Entry::kNone;
};

}  // namespace penstock::relay
