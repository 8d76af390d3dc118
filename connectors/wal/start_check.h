// Where a source may go on: what it made durable, held against what the server says of the slot. Pure.
//
// A server never refuses a start below what a slot has confirmed: it silently begins later. So a slot
// that was recreated, or moved by somebody else, would lose what lies between without a word; here it is
// noticed, to be put on record.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "connectors/wal/lsn.h"
#include "core/error.h"
#include "core/source_checkpoints.h"
#include "core/source_gaps.h"

namespace penstock::wal {

// A row of pg_replication_slots.
struct SlotState {
  std::string plugin, kind, database;
  std::string wal_status;              // reserved, extended, unreserved, lost
  std::optional<Lsn> confirmed_flush;  // empty: it can't be read from any more
  // kBeforeCommit (two_phase): what may yet be rolled back, which this program doesn't read.
  enum class Prepared { kAtCommit, kBeforeCommit } prepared = Prepared::kAtCommit;
};

bool is_readable(const SlotState& slot);

struct ServerIdentity {
  std::string system_identifier;
  std::int64_t timeline = 0;
};

// There is neither a position of our own nor a slot.
struct FirstStart {};

// The slot can't bring all of what was committed behind `from`, a place in the log of the server that was read before.
// Where that is another one, the slot may stand below it. 0/0: nobody knows the place.
struct LostLog {
  Error why;  // wal.slot_lost, wal.slot_ahead or wal.other_server
  Lsn from;
  std::optional<Lsn> slot_stands_at;  // nullopt: none that can be read from
};

using Start = std::variant<FirstStart, Progress, LostLog>;

// Whether it is a slot that this program can read in this database. Error: wal.refused.
Status check_slot(const SlotState& slot, const std::string& name, const std::string& database);

// `switch_point`: where the timeline of `stored` ended, if the server is on a later one and knows.
// `slot`: one that check_slot() lets pass; nullopt when there is none. Errors: wal.slot_lost when the slot of a first
// start was invalidated; wal.other_server; wal.refused; wal.slot_missing when the source was polled since: a slot that
// is made now would pass what is committed and was not polled.
Result<Start> judge_start(const std::optional<SourceCheckpoint>& stored, const std::optional<SlotState>& slot,
                          const std::string& slot_name, const ServerIdentity& server, std::optional<Lsn> switch_point);

// Where to read again on a server that was set back to an earlier state without a new timeline: its log ends, at
// `log_end`, before what was delivered, and it gives the places behind that away anew. 0/0 where no slot can be read
// from: how much of that it has done nobody knows. nullopt: nothing says so.
std::optional<Lsn> find_place_after_set_back(const SourceCheckpoint& stored, const Progress& progress,
                                             const std::optional<SlotState>& slot, const ServerIdentity& server,
                                             Lsn log_end);

// What is on record of a gap that ends where the slot stands now. A slot that is lost again while its gap is
// open makes the gap longer: a record of its own then goes on where the one before ended, so that what an
// operator acknowledges is what stood there to be read.
struct GapOnRecord {
  std::optional<SourceGap> missing;         // the part that no record names yet
  std::vector<SourceGaps::Recorded> names;  // the records, in the order of the log
  enum class Is { kOpen, kAcknowledged } is = Is::kOpen;
};
// `known`: the records of the source from `lost.from` on.
GapOnRecord judge_gap(const LostLog& lost, Lsn end, const std::vector<SourceGaps::Recorded>& known);

// Where timeline `ended` ends by the text of a history file; nullopt when it isn't in it.
std::optional<Lsn> switch_point_in(std::string_view history, std::int64_t ended);

}  // namespace penstock::wal
