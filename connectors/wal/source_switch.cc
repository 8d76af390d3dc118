#include "connectors/wal/source_switch.h"

#include <limits>
#include <utility>
#include <variant>

#include "connectors/outbox/lock_wait.h"
#include "connectors/outbox/outbox_table.h"
#include "connectors/wal/wal_session.h"

namespace penstock::wal {
namespace {

using store::postgres::Parameters;
using store::postgres::Session;
using store::postgres::SessionSettings;
using store::postgres::Statement;

// So many are counted; a number to wait by needs no more.
constexpr std::int64_t kMostCounted = 10'000;

std::string name_of_slot(const WalSettings& settings) { return "slot " + settings.slot; }
std::string name_of_publication(const WalSettings& settings) { return "publication " + settings.publication; }

SwitchStep drop_slot_step(const WalSettings& settings) {
  return {"drop " + name_of_slot(settings), drop_slot_statement(settings)};
}

}  // namespace

Status check_nobody_reads(const WalDatabase& database, const WalSettings& settings) {
  if (!database.slot_is_active) return {};
  return fail(codes::kWalSlotInUse,
              name_of_slot(settings) + " is in use: it is read, or still being made by a command that was cut off");
}

Result<WalSettings> settings_from_log(const outbox::OutboxSettings& polled, const std::string& slot,
                                      const std::string& publication) {
  const auto refuse = [&](const std::string& why) {
    return fail(codes::kConfigInvalid, "source " + polled.source_name + " can't be read from a log: " + why);
  };
  if (polled.backend != outbox::Backend::kPostgres) return refuse("only PostgreSQL has one");
  if (!std::holds_alternative<outbox::DeleteRows>(polled.policy))
    return refuse("with policy \"" + std::string(outbox::to_string(polled.policy)) +
                  "\" its rows stay, and would all be delivered again on the way back; it takes policy \"delete\"");
  if (polled.column_of(outbox::Role::kId) == nullptr || polled.pointed(outbox::Role::kId) != nullptr)
    return refuse("rows are deleted by their id then, which has to be a column of its own");
  WalSettings settings;
  settings.rows = polled;
  settings.settle = WalSettings::Settle::kDelete;
  settings.slot = slot.empty() ? default_log_name(polled.source_name) : slot;
  settings.publication = publication.empty() ? default_log_name(polled.source_name) : publication;
  return settings;
}

Result<outbox::OutboxSettings> settings_polled(const WalSettings& from_log) {
  const auto refuse = [&](const std::string& why) {
    return fail(codes::kConfigInvalid, "source " + from_log.rows.source_name + " can't be polled: " + why);
  };
  if (from_log.reads_messages()) return refuse("messages leave no rows");
  if (from_log.settle != WalSettings::Settle::kDelete)
    return refuse(
        "its settled rows are still in the table, and would all be delivered again; it takes settle = \"delete\", and "
        "a table without those rows");
  if (from_log.rows.order_by.empty())
    return refuse("rows are polled in the order of a column that is unique and ascends: name it in `order_by`");
  outbox::OutboxSettings polled = from_log.rows;
  polled.policy = outbox::DeleteRows{};
  return polled;
}

std::vector<connectors::Finding> find_hindrances(const outbox::OutboxSettings& polled, Deadline deadline) {
  auto findings = outbox::inspect_postgres(polled, deadline);
  std::erase_if(findings, [](const connectors::Finding& finding) {
    return finding.severity != connectors::Finding::Severity::kError;
  });
  return findings;
}

Result<std::vector<SwitchStep>> steps_to_log(const WalDatabase& database, const WalSettings& settings,
                                             int server_version) {
  if (auto checked = check_wal_database(database, settings); !checked) return fail(std::move(checked.error()));
  if (auto whole = check_left_out(database); !whole) return fail(std::move(whole.error()));
  std::vector<SwitchStep> steps;
  bool has_slot = database.slot.has_value();
  if (has_slot) {
    if (auto fits = check_slot(*database.slot, settings.slot, database.database); !fits)
      return fail(std::move(fits.error()));
    // One that is older than its publication can't be read.
    if (!is_readable(*database.slot) || !database.publication) {
      if (auto idle = check_nobody_reads(database, settings); !idle) return fail(std::move(idle.error()));
      steps.push_back(drop_slot_step(settings));
      has_slot = false;
    }
  }
  if (const std::string fault = publication_fault(database, settings); !fault.empty())
    steps.push_back({(database.publication ? "alter " : "create ") + name_of_publication(settings),
                     publication_fix(database, settings)});
  if (!has_slot)
    steps.push_back({"create " + name_of_slot(settings), create_slot_statement(settings, server_version),
                     SwitchStep::Waits::kForTransactions});
  return steps;
}

Result<std::vector<SwitchStep>> steps_to_polling(const WalDatabase& database, const WalSettings& settings) {
  std::vector<SwitchStep> steps;
  if (database.slot) {
    if (auto fits = check_slot(*database.slot, settings.slot, database.database); !fits)
      return fail(std::move(fits.error()));
    steps.push_back(drop_slot_step(settings));
  }
  // One of another name may have other readers.
  if (database.publication && database.publication->is_ours && settings.create == WalSettings::Create::kYes &&
      settings.publication == default_log_name(settings.rows.source_name))
    steps.push_back({"drop " + name_of_publication(settings), drop_publication_statement(settings)});
  return steps;
}

Result<SwitchSession> SwitchSession::open(const WalSettings& settings, Duration patience, Deadline deadline) {
  SessionSettings wanted = session_settings_of(settings, "penstock sources switch");
  wanted.statement_timeout = std::chrono::ceil<std::chrono::milliseconds>(patience);
  auto session = Session::open(wanted, deadline);
  if (!session) return fail(std::move(session.error()));
  if ((*session)->server().role == store::postgres::ServerFacts::Role::kStandby)
    return fail(codes::kWalUnavailable, "the server is a standby: the log is read from the primary");
  return SwitchSession(settings, std::move(wanted), *std::move(session));
}

Result<WalDatabase> SwitchSession::look(Deadline deadline) {
  return load_wal_database(*session_, settings_, deadline, {});
}

Status SwitchSession::carry_out(const SwitchStep& step, Deadline deadline) {
  const bool patient = step.waits == SwitchStep::Waits::kForTransactions;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline.remaining());
  const outbox::LockWait wait(*session_, session_settings_, {});
  const auto done = session_->execute(patient ? create_slot_patiently(step.statement, left) : step.statement, deadline);
  if (done) return {};
  // The server has answered well, and can't be told from one that hangs.
  const bool waited = patient && &done.error().code() == &codes::kTimeout;
  return fail(
      wait.named(done.error())
          .with_context(step.words + (waited ? ", which waits for every transaction that is open on the server, "
                                               "prepared ones too (pg_stat_activity, pg_prepared_xacts)"
                                             : "")));
}

// Its own: the end of a snapshot is that of what has been seen to end, and one that runs may be behind it.
Result<std::string> SwitchSession::next_transaction(Deadline deadline) {
  const auto next = session_->execute("SELECT pg_current_xact_id()::text", deadline);
  if (!next) return fail(next.error());
  return std::string(next->bytes(0, 0));
}

// A commit that waits for a synchronous standby stands in the log already, and nobody sees its rows before it has
// ended.
Result<std::optional<std::int64_t>> SwitchSession::find_highest_order(const std::string& before_transaction,
                                                                      Deadline deadline) {
  const Statement find{"", "SELECT pg_snapshot_xmin(pg_current_snapshot()) >= $1::text::xid8, (SELECT max(r." +
                               outbox::quoted_identifier(settings_.rows.order_by) + ")::int8 FROM " +
                               settings_.rows.table.quoted() + " r)"};
  Parameters parameters;
  parameters.text(before_transaction);
  const auto found = session_->run(find, parameters, deadline);
  if (!found) return fail(found.error());
  if (!found->boolean(0, 0)) return std::nullopt;
  return found->is_null(0, 1) ? std::numeric_limits<std::int64_t>::min() : found->integer(0, 1);
}

Result<std::int64_t> SwitchSession::count_rows_up_to(std::int64_t order, const std::vector<std::string>& kept,
                                                     Deadline deadline) {
  const std::string column = "r." + outbox::quoted_identifier(settings_.rows.order_by);
  const Statement count{"", "SELECT count(*) FROM (SELECT FROM " + settings_.rows.table.quoted() + " r WHERE " +
                                column + " <= $1::text::int8 AND " + column + "::text <> ALL($2::text[]) LIMIT " +
                                std::to_string(kMostCounted) + ") older"};
  Parameters parameters;
  parameters.text(std::to_string(order)).texts(kept);
  const auto counted = session_->run(count, parameters, deadline);
  if (!counted) return fail(counted.error());
  return counted->integer(0, 0);
}

}  // namespace penstock::wal
