// Moves a source from polling to the log, and back, while its services go on writing: what that asks of the source's
// database. The words in the store, and the lease, are the caller's; the configuration is the operator's.
//
// To the log: publication and slot are made while the source is polled. The log then has what is committed from there
// on; what was committed before has to be polled to its end before the log is read (count_rows_up_to()).
// To polling: once the program has stopped and the source's checkpoint says "polled", the slot goes. What was not
// settled is in the table, because settled rows are deleted both ways; others can't be switched.
//
// Steps are found by looking at the database, so that a switch that ended anywhere is finished by looking again.
// Of one thread. Errors: those of the session with the codes of this connector; wal.refused, wal.slot_in_use,
// wal.unauthorized, outbox.table_missing, config.invalid.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "connectors/kind.h"
#include "connectors/wal/wal_database.h"
#include "connectors/wal/wal_settings.h"
#include "core/clock.h"
#include "core/error.h"
#include "store/postgres/session.h"

namespace penstock::wal {

// How a polled source would be read from the log. `slot` and `publication`: empty for their default names. Error:
// config.invalid where the log can't take its place, because rows are kept or stand in another kind of database.
Result<WalSettings> settings_from_log(const outbox::OutboxSettings& polled, const std::string& slot,
                                      const std::string& publication);
// How a source that is read from the log would be polled. Error: config.invalid as above.
Result<outbox::OutboxSettings> settings_polled(const WalSettings& from_log);
// What keeps the table from being polled, rows that row level security may hide among it (the log had them): errors
// only, each with what mends it. It connects on its own.
std::vector<connectors::Finding> find_hindrances(const outbox::OutboxSettings& polled, Deadline deadline);

struct SwitchStep {
  std::string words;      // "create slot penstock_orders"
  std::string statement;  // that an administrator may run instead
  // kForTransactions: for every one that runs, as long as there is patience; all else would keep services waiting.
  enum class Waits { kShortly, kForTransactions } waits = Waits::kShortly;
};

// What is left to do, in its order; empty when all is done. Pure.
Result<std::vector<SwitchStep>> steps_to_log(const WalDatabase& database, const WalSettings& settings,
                                             int server_version);
Result<std::vector<SwitchStep>> steps_to_polling(const WalDatabase& database, const WalSettings& settings);

// Error: wal.slot_in_use.
Status check_nobody_reads(const WalDatabase& database, const WalSettings& settings);

class SwitchSession {
 public:
  // `patience`: of one statement. A slot begins when every transaction that runs has ended.
  static Result<SwitchSession> open(const WalSettings& settings, Duration patience, Deadline deadline);

  Result<WalDatabase> look(Deadline deadline);
  Status carry_out(const SwitchStep& step, Deadline deadline);
  const store::postgres::ServerFacts& server() const { return session_->server(); }

  // Transactions before this one may have committed before now.
  Result<std::string> next_transaction(Deadline deadline);
  // An order value that no row has passed which was committed by then; nullopt: some of those transactions still run.
  // By the order column: the transaction that a row names is the last that wrote it, be it long after its INSERT.
  Result<std::optional<std::int64_t>> find_highest_order(const std::string& before_transaction, Deadline deadline);
  // Rows, at most some thousands, that are still in the table. `kept`: order values of rows that stay there for good.
  Result<std::int64_t> count_rows_up_to(std::int64_t order, const std::vector<std::string>& kept, Deadline deadline);

 private:
  SwitchSession(WalSettings settings, store::postgres::SessionSettings session_settings,
                std::unique_ptr<store::postgres::Session> session)
      : settings_(std::move(settings)), session_settings_(std::move(session_settings)), session_(std::move(session)) {}

  WalSettings settings_;
  store::postgres::SessionSettings session_settings_;
  std::unique_ptr<store::postgres::Session> session_;
};

}  // namespace penstock::wal
