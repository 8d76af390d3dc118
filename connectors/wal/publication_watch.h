// Watches whether the table stays in its publication. Rows committed while it is out of it never come through the
// slot, and no slot tells of them: the table was renamed and made anew, or somebody altered the publication. What may
// be missing goes on record, from the last place in the log at which all was well.
//
// Lives as long as the source, over its openings; what happens while the program is stopped it can't see, unless the
// table is still out when it starts. Single-threaded. Errors: wal.publication_missing while rows may be missing and
// nobody has acknowledged it; those of the session and of the store.
#pragma once

#include <optional>
#include <stop_token>

#include "connectors/wal/wal_database.h"
#include "core/log.h"
#include "core/source_gaps.h"

namespace penstock::wal {

class PublicationWatch {
 public:
  // All of it outlives this.
  PublicationWatch(const WalSettings& settings, SourceGaps& gaps, Log& log)
      : settings_(settings), gaps_(gaps), log_(log) {}

  // At an opening that is to go on through its slot at `from`: refuses while the table is out, or was and nobody has
  // acknowledged it.
  Status check_opening(const WalDatabase& database, Lsn from, store::postgres::Session& session, Deadline deadline,
                       std::stop_token stop);
  // At an opening whose slot is new, or gone: what it missed is found without this.
  void forget() { last_.reset(); }
  // The publication is well, and what lies behind `from` is read.
  void begin(const WalDatabase& database, Lsn from);
  // Now and then during an opening.
  Status look(store::postgres::Session& session, Deadline deadline, std::stop_token stop);

 private:
  struct Well {
    std::string membership, table;
    Lsn at;
  };
  // Whether nothing was committed to the table while it was not published, as far as `now` shows.
  static bool goes_on(const Well& last, const PublicationState& now);
  enum class Absence { kLasts, kEnded };
  Status put_on_record(const std::string& what, Lsn to, Absence absence);
  tl::unexpected<Error> unacknowledged(std::int64_t number, const std::string& what) const;

  const WalSettings& settings_;
  SourceGaps& gaps_;
  Log& log_;
  bool partitioned_ = false;
  std::optional<Well> last_;       // of the looks at which all was well
  std::optional<Lsn> well_again_;  // the first place after an absence that nobody has acknowledged
  bool is_out_ = false;
};

}  // namespace penstock::wal
