// Deletes rows of the outbox table once they are settled, for a table that nobody else empties.
//
// Rows are found by their ids, which the log brings; one that is gone already is no error, but one that is left (a
// trigger, a rule, row level security) is. So a row must be handed in only once it is visible
// (connectors/wal/visibility_gate.h): one that is not yet would be taken for gone, and stay for ever. At most
// kRowsPerSecond are deleted, in statements of at most kRowsPerStatement, so that a long backlog doesn't take the
// database from the services.
//
// A row that somebody else locks is waited for, now and then and for a short time, and its holder is named; those
// behind it wait too, and so do those for which a turn has no time. The source goes on meanwhile until kMostWaiting do.
// What can't be deleted for another reason ends the opening, and is deleted before the next one reads, or that one
// fails too: it would come again and again. Only the end of the program forgets it.
//
// Lasts over openings. Single-threaded.
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/outbox/held_back.h"
#include "connectors/outbox/postgres_columns.h"
#include "connectors/wal/wal_settings.h"
#include "core/clock.h"
#include "core/ids.h"
#include "core/log.h"
#include "store/postgres/session.h"

namespace penstock::wal {

class RowRemoval {
 public:
  static constexpr std::size_t kRowsAtFirst = 100;
  static constexpr std::size_t kRowsPerStatement = 1'000;
  static constexpr std::size_t kRowsPerSecond = 20'000;

  static constexpr std::size_t kMostWaiting = 5'000;

  // `ask`: for another session, which is opened while a lock is waited for, to ask who holds it. All of it outlives
  // this.
  RowRemoval(const WalSettings& settings, const store::postgres::SessionSettings& ask, const Clock& clock, Log& log);

  // Called now and then while a deletion takes its time; may be empty.
  using Meanwhile = std::function<void()>;

  // For an opening. Deletes what earlier ones had settled, a turn's worth, or nothing: what will fail then fails now.
  // The session waits for locks only shortly from now on. Errors: as remove(); outbox.table_missing.
  Status begin(const outbox::PostgresColumns& table, store::postgres::Session& session, Duration patience,
               const std::stop_token& stop);
  // The opening is over: what it did not settle comes again.
  void end();
  // The next event, in read order; nullopt for one whose row stays.
  void handed_out(ReadMark mark, std::optional<std::string> id);
  void settled(ReadMark mark) { settled_ = mark; }
  // Deletes what is settled, as far as it gets within half a second, unless it is too early to ask again for a row that
  // was locked. Committed when it returns. `patience`: for one statement, with which a turn may end later. Errors:
  // those of the session, but for locks; outbox.refused and outbox.unauthorized when the database keeps rows without an
  // error.
  Status remove(store::postgres::Session& session, Duration patience, const Meanwhile& meanwhile,
                const std::stop_token& stop);
  // Everything up to this mark is settled and gone.
  ReadMark removed() const;
  // Settled rows wait to be deleted. Too many: hand out no more.
  bool is_behind() const { return waiting_ > 0; }
  bool is_full() const { return waiting_ > kMostWaiting; }
  const std::optional<connectors::Blocker>& held_back_by() const { return held_back_.by(); }

 private:
  struct Row {
    ReadMark mark;
    std::optional<std::string> id;
  };

  enum class Done { kDeleted, kLocked, kTakesTooLong };
  std::size_t settled_rows() const;
  void prepare(const outbox::PostgresColumns& table, const outbox::PostgresColumn& id);
  void fit_statements(std::size_t rows, Duration took);
  Result<Done> delete_rows(const std::vector<std::string_view>& ids, store::postgres::Session& session,
                           Deadline deadline, const Meanwhile& meanwhile, const std::stop_token& stop);
  Status check_gone(const store::postgres::Parameters& ids, store::postgres::Session& session, Deadline deadline,
                    const std::stop_token& stop) const;
  Result<std::int64_t> count_left(const store::postgres::Parameters& ids, store::postgres::Session& session,
                                  Deadline deadline, const std::stop_token& stop) const;

  const WalSettings& settings_;
  const store::postgres::SessionSettings& ask_;
  const Clock& clock_;
  outbox::PostgresColumns table_;
  std::string id_type_;
  store::postgres::Statement statement_, left_;
  std::size_t rows_per_statement_ = kRowsAtFirst;
  std::deque<Row> rows_;     // handed out and not deleted; without a mark: by an earlier opening
  std::size_t waiting_ = 0;  // those of them that are settled, after a turn that left some
  ReadMark settled_;
  SteadyTime next_statement_{};
  outbox::HeldBack held_back_;
};

}  // namespace penstock::wal
