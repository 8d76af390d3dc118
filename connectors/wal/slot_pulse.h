// What an opened source asks of the server now and then, whether or not anything is read: that a heartbeat of its own
// comes back through the slot, how near the slot is to being given up, whether the table stays published, what the
// walsender of a silent stream does, and for any answer at all. A stream that is silent tells nothing: an idle server,
// one that hangs and a slot that stands still look alike.
//
// Single-threaded. Errors: those of the session; wal.slot_lost; wal.publication_missing; wal.stalled.
#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>

#include "connectors/source.h"
#include "connectors/wal/publication_watch.h"
#include "connectors/wal/slot_watch.h"
#include "connectors/wal/wal_settings.h"
#include "connectors/wal/wal_stream.h"
#include "connectors/wal/walsender_watch.h"
#include "core/clock.h"
#include "core/log.h"
#include "store/postgres/session.h"

namespace penstock::wal {

class SlotPulse {
 public:
  // All of it outlives this.
  SlotPulse(const WalSettings& settings, PublicationWatch& publication, const Clock& clock, Log& log)
      : settings_(settings), publication_(publication), clock_(clock), log_(log), walsender_(settings.slot) {}

  // Forgets what an opening has seen, but for a walsender that hangs, and how much room the slot had.
  void reset();

  // At an opening, which may be refused again and again while the slot keeps its log.
  void look_at_room(const SlotRoom& room);

  // The stream has begun.
  void opened() { walsender_.opened(); }

  // While the stream is read: each of these at any time, the server is asked when it is due.
  void look_for_heartbeat(WalStream& stream);
  Status send_heartbeat(WalStream& stream, store::postgres::Session& session, const std::stop_token& stop);
  Status look_at_walsender(const WalStream& stream, store::postgres::Session& session, const std::stop_token& stop);
  // While it is not read, because nobody has room: no heartbeat can come back.
  Status look_at_slot(store::postgres::Session& session, const std::stop_token& stop);
  // Either way.
  Status ask_for_sign(store::postgres::Session& session, const std::stop_token& stop);

  // Why an opening finds the slot held: wal.stalled, wal.slot_in_use, or what the server answers.
  Error why_held(store::postgres::Session& session, Deadline deadline, const std::stop_token& stop) const;

  const std::optional<connectors::SlotFigures>& figures() const { return seen_.figures; }

 private:
  SlotWatch::Heartbeat judge_heartbeat(WalStream& stream);
  std::string words_of(const SlotWatch::News& news, store::postgres::Session& session,
                       const std::stop_token& stop) const;
  Status look(SlotWatch::Heartbeat heartbeat, store::postgres::Session& session, const std::stop_token& stop);

  struct Seen {
    SteadyTime next_heartbeat{}, next_sign{};
    std::uint64_t messages = 0;  // of the stream, at the last look
    std::optional<connectors::SlotFigures> figures;
  };

  const WalSettings& settings_;
  PublicationWatch& publication_;
  const Clock& clock_;
  Log& log_;
  Seen seen_;  // of the opening
  SlotWatch watch_;
  WalsenderWatch walsender_;
};

}  // namespace penstock::wal
