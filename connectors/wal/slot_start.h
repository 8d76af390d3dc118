// Where a source goes on at an opening, and what is made for that on the way: publication, slot, and the
// record of a gap that the slot can't close.
//
// For one opening, single-threaded. Errors: wal.publication_missing, wal.slot_missing; wal.slot_lost,
// wal.slot_ahead and wal.other_server while nobody has acknowledged the gap; those of the session and of
// the store.
#pragma once

#include <chrono>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "connectors/wal/membership.h"
#include "connectors/wal/publication_watch.h"
#include "connectors/wal/start_check.h"
#include "connectors/wal/wal_database.h"
#include "core/clock.h"
#include "core/lease.h"
#include "core/log.h"
#include "core/source_checkpoints.h"
#include "core/source_gaps.h"
#include "store/postgres/session.h"

namespace penstock::wal {

class SlotStart {
 public:
  struct Parts {
    const WalSettings& settings;
    SourceCheckpoints& checkpoints;
    SourceGaps& gaps;
    PublicationWatch& publication;
    Log& log;
    const store::postgres::SessionSettings& session_settings;
    // How long the next new slot is waited for. Kept from opening to opening: it grows with each wait that was in vain,
    // so that the reason is seen in between and the slot is made in the end, however long transactions last.
    std::chrono::milliseconds& slot_patience;
  };
  static constexpr std::chrono::seconds kFirstPatience{5}, kLongestPatience{600};

  // All of it outlives this.
  SlotStart(const Parts& parts, store::postgres::Session& session, const Lease& lease, Deadline deadline,
            std::stop_token stop)
      : parts_(parts), session_(session), lease_(lease), deadline_(deadline), stop_(std::move(stop)) {}

  // The answer is stored when it returns. `database`: with a slot that check_slot() lets pass, or none; loaded again if
  // one was made.
  Result<Progress> find(WalDatabase& database);
  // Once the stream has begun, which holds the slot: refuses one that was made anew or moved on since find() saw it.
  // Errors: wal.slot_lost, wal.slot_ahead.
  Status check_begun(const Progress& start);
  // That of the opening, or a later one where a new slot took its time.
  Deadline deadline() const { return deadline_; }
  // What is stored now.
  const std::optional<SourceCheckpoint>& stored() const { return stored_; }

 private:
  Result<std::optional<PublishedAt>> look_at_publication(WalDatabase& database,
                                                         const std::optional<Progress>& progress);
  Status take_back_look(const WalDatabase& database, const ServerIdentity& server);
  Status go_back(const WalDatabase& database, const ServerIdentity& server);
  Status check_loss_acknowledged();
  void say_passed();
  Status keep(const OwnPosition& position);
  Status provide_publication(WalDatabase& database);
  Status make(const std::string& statement, Deadline deadline);
  Result<Lsn> make_slot(WalDatabase& database);
  Result<Progress> begin_first(WalDatabase& database);
  Result<Progress> pass_gap(WalDatabase& database, const LostLog& lost);
  Result<GapOnRecord> find_on_record(const LostLog& lost, Lsn end);
  Result<std::optional<Lsn>> find_switch_point();
  std::string component() const { return "source " + parts_.settings.rows.source_name; }

  const Parts parts_;
  store::postgres::Session& session_;
  const Lease& lease_;
  Deadline deadline_;
  const std::stop_token stop_;
  std::optional<SourceCheckpoint> stored_;
  std::vector<SourceGaps::Recorded> passed_;  // records of the gap that is left behind
  std::optional<OwnPosition> own_;            // nullopt: none, or not in the log of this server
};

}  // namespace penstock::wal
