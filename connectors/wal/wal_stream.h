// The stream of one slot: received, decoded, put together to transactions, confirmed. It owns the
// replication session; when that breaks, or a message makes no sense, the stream is over.
//
// Bounded: it stops reading the socket once transactions wait that nobody takes, and the server then
// stops sending. Single-threaded. Errors: those of the session with the codes of this connector,
// wal.slot_in_use, wal.slot_lost, wal.publication_missing, wal.protocol, wal.spill_failed.
#pragma once

#include <deque>
#include <memory>
#include <string>

#include "connectors/wal/change_reader.h"
#include "connectors/wal/confirmation.h"
#include "connectors/wal/frame_reader.h"
#include "connectors/wal/heartbeats.h"
#include "connectors/wal/pgoutput.h"
#include "connectors/wal/transactions.h"
#include "core/clock.h"
#include "store/postgres/session.h"

namespace penstock::wal {

// A transaction that is complete, and how much of it has been taken.
struct ReadyTransaction {
  Transaction changes;
  std::uint64_t taken = 0;  // events
  std::uint64_t known = 0;  // so many from the start were settled by an earlier opening
};

class WalStream {
 public:
  // Begins behind `start`, in a session of its own, on the server that `server` was learnt of. `settings` and `clock`
  // outlive it.
  static Result<std::unique_ptr<WalStream>> open(const WalSettings& settings,
                                                 const store::postgres::SessionSettings& session,
                                                 const store::postgres::ServerFacts& server, const Progress& start,
                                                 ChangeReader reader, const Clock& clock, Deadline deadline,
                                                 std::stop_token stop);

  // Takes what has arrived, without waiting, until so many events wait, nothing is left, or it took
  // many messages or long.
  Status receive(std::size_t enough_events);
  // Once all that had arrived was taken and handed out: rests until a millisecond after the last message.
  // What arrives meanwhile goes all the way to the sink together, with one wake-up of each thread.
  void gather() const;
  // Until something arrives, the deadline or the stop.
  Status wait(Deadline deadline, const std::stop_token& stop);
  // Tells the server how far everything is durable and settled.
  Status confirm(const std::stop_token& stop);
  // Confirms if the server asked for it, or has not heard of us for a while.
  Status confirm_if_due(const std::stop_token& stop);

  // Complete transactions in the order of the log.
  bool has_ready() const { return !ready_.empty(); }
  ReadyTransaction& ready() { return ready_.front(); }
  // Of all transactions that have not been taken whole.
  std::size_t ready_events() const { return ready_events_; }
  void pop_ready();
  ChangeReader& reader() { return reader_; }
  Confirmation& confirmation() { return confirmation_; }
  Heartbeats& heartbeats() { return heartbeats_; }
  // Of the log, whatever they say.
  std::uint64_t messages() const { return messages_; }
  // For how long nothing at all has come, as long as somebody looked; a walsender that lives ends it, because after a
  // few seconds it is asked to answer.
  Duration silence() const { return silence_; }
  // The server's process at the other end.
  std::int64_t walsender_pid() const { return session_->server().pid; }

 private:
  WalStream(const WalSettings& settings, const Progress& start, ChangeReader reader, const Clock& clock);

  Status start(const store::postgres::SessionSettings& session, const store::postgres::ServerFacts& server,
               Deadline deadline, std::stop_token stop);
  Error explain(Error error) const;
  Error publication_is_younger(const std::string& words) const;
  Status check_complete() const;
  Status take(const FrameReader::Frame& frame);
  void measure_silence(int messages, SteadyTime now);
  Status take_message(std::string_view bytes, PgoutputDecoder::Form form);
  Status keep(const Message& message, const Change& change);
  Status finish(Result<Transaction> transaction);

  const WalSettings& settings_;
  const Clock& clock_;
  const Progress start_;
  std::unique_ptr<store::postgres::Session> session_;
  ChangeReader reader_;
  FrameReader frames_;
  PgoutputDecoder decoder_;
  Transactions transactions_;
  Confirmation confirmation_;
  std::deque<ReadyTransaction> ready_;
  std::size_t ready_events_ = 0;
  Heartbeats heartbeats_;
  std::uint64_t messages_ = 0;
  SteadyTime last_message_{}, last_status_{};
  std::uint64_t arrivals_ = 0;  // when it was looked at last
  SteadyTime looked_at_{};
  Duration silence_{};
  enum class Arrived { kPerhapsMore, kAllTaken } arrived_ = Arrived::kPerhapsMore;
  enum class Reply { kNotAsked, kAsked } reply_ = Reply::kNotAsked;
};

}  // namespace penstock::wal
