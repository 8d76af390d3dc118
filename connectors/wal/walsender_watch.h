// Whether the walsender that reads the log for this program still does anything. One that hangs brings nothing, not
// even the answers that the stream asks it for. Nor does, for a while, one that works: through changes of the
// catalogue, or through a large transaction of which nothing is published. So the server is asked what it does: one
// that waits to be woken would have answered.
//
// Nothing that it finds ends a walsender. One that hangs keeps the slot, and the next opening finds it there: so this
// lasts longer than an opening. Single-threaded; without the query, pure.
#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>

#include "connectors/wal/wal_settings.h"
#include "core/clock.h"
#include "core/error.h"
#include "store/postgres/session.h"

namespace penstock::wal {

struct Walsender {
  std::int64_t pid = 0;
  std::string application{};                        // of its reader
  enum class Does { kWaits, kWorks } does{};        // kWorks also where our role may not see it
  std::string last_heard{};                         // when its reader spoke last; empty where our role may not see it
  enum class Reader { kSpeaks, kSilent } reader{};  // kSilent: of whom it has not heard for long
};

// Of the slot; nullopt: nobody reads it.
Result<std::optional<Walsender>> load_walsender(store::postgres::Session& session, const WalSettings& settings,
                                                Deadline deadline, const std::stop_token& stop);

class WalsenderWatch {
 public:
  explicit WalsenderWatch(std::string slot) : slot_(std::move(slot)) {}

  // Whether a stream has been silent for so long that the server should be asked, once a second.
  bool wants_look(Duration silence, SteadyTime now);
  // What a look found; `pid`: of the stream. wal.stalled once its walsender doesn't live; nullopt: it may.
  std::optional<Error> judge(Duration silence, std::int64_t pid, const std::optional<Walsender>& holder);
  // Of a stream that has long brought nothing back that is written: who should, and what to look at.
  static std::string words_of_silent(const Walsender& walsender);
  // The slot was free for an opening: nobody holds it any more who hung.
  void opened() { hung_pid_ = 0; }
  // What was written in this opening came back, so that whatever took long is behind it.
  void came_through() { patience_ = kFirstPatience; }
  // What an opening says of a slot that somebody holds: wal.stalled if it is the one that hung, wal.slot_in_use if not.
  Error why_held(const std::optional<Walsender>& holder) const;

 private:
  static constexpr std::chrono::minutes kFirstPatience{5};
  Error hangs(std::int64_t pid) const;

  const std::string slot_;
  SteadyTime next_look_{};
  int looks_that_waits_ = 0;
  // Ending an opening makes a walsender that works begin again, so each time it is left alone for longer.
  Duration patience_ = kFirstPatience;
  std::int64_t hung_pid_ = 0;  // 0: none yet
};

}  // namespace penstock::wal
