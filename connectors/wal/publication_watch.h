// Watches whether the table stays in its publication. Rows committed while it is out of it never come through the
// slot, and no slot tells of them: the table was renamed and made anew, or somebody altered the publication. What may
// be missing goes on record, from the last place in the log at which all was well.
//
// That place is kept with the source's position, so that what happened while the program was stopped is noticed at the
// next opening. What a look finds during an opening ends it; the next one judges by what was kept. Single-threaded.
// Errors: wal.publication_missing while rows may be missing and nobody has acknowledged it; those of the session and of
// the store.
#pragma once

#include <optional>
#include <stop_token>
#include <string>

#include "connectors/wal/wal_database.h"
#include "core/log.h"
#include "core/source_gaps.h"

namespace penstock::wal {

class PublicationWatch {
 public:
  // All of it outlives this.
  PublicationWatch(const WalSettings& settings, SourceGaps& gaps, Log& log)
      : settings_(settings), gaps_(gaps), log_(log) {}

  // What an opening finds that is to go on through its slot.
  struct Judgement {
    PublishedAt now;
    // kEnded: what was missed is on record when it returns, and `now` takes the place of what was kept before anything
    // is acknowledged, so that it goes on record once.
    enum class Absence { kNone, kEnded } absence = Absence::kNone;
  };
  // Refuses while the table is out, or the log has not all of it (outbox.table_missing). `last`: as kept.
  Result<Judgement> judge_opening(const WalDatabase& database, const PublishedAt& last,
                                  store::postgres::Session& session, Deadline deadline, const std::stop_token& stop);
  // The first part of it: whether the table is out, or not all of it in the log, which is put on record.
  Status check_fault(const WalDatabase& database, const PublishedAt& last);
  // Refuses while a record waits for an operator.
  Status check_acknowledged();

  // At the end of an opening; `now` is kept. nullopt: there is nothing to watch.
  void begin(std::optional<PublishedAt> now, const WalDatabase& database);
  // Now and then during an opening.
  Status look(store::postgres::Session& session, Deadline deadline, const std::stop_token& stop);
  // The last look at which all was well, and whether the membership is another one than what was kept.
  const std::optional<PublishedAt>& last() const { return last_; }
  bool has_news() const { return has_news_; }
  void kept();

 private:
  Result<Lsn> find_end_of_absence(const WalDatabase& database, store::postgres::Session& session, Deadline deadline,
                                  const std::stop_token& stop);
  Result<std::optional<Position>> find_recorded(Lsn since) const;
  Status put_on_record(Lsn since, Lsn to, const std::string& what, std::optional<Position> recorded);
  std::string component() const { return "source " + settings_.rows.source_name; }

  const WalSettings& settings_;
  SourceGaps& gaps_;
  Log& log_;
  bool partitioned_ = false, has_news_ = false;
  std::optional<PublishedAt> last_;
  Lsn kept_at_;  // of the last one as the next opening will find it: records of an absence begin there
  // The table as it was found to be back, and a number that was given later: who has a smaller one may have written
  // before that, and what it wrote then is left out whenever it is committed.
  struct {
    Membership membership;
    std::int64_t transactions = 0;
  } back_;
  // A place at which all looked well. It is the last one once nothing runs that may have committed before it: an
  // alteration stands in the log, and holds there, before the catalogue shows it; for long where a standby is waited
  // for.
  struct {
    Lsn at;
    std::int64_t transactions = 0;  // below it
  } next_;
};

}  // namespace penstock::wal
