#include "connectors/outbox/sqlite_settlement.h"

#include <algorithm>
#include <utility>

#include "connectors/outbox/cell_text.h"
#include "connectors/outbox/tracked_table.h"
#include "core/failpoint.h"
#include "core/rest.h"

namespace penstock::outbox {
namespace {

constexpr std::chrono::seconds kLongestCommit{1};
constexpr std::chrono::milliseconds kBetweenAttempts{50};

// "a trigger (audit) or a constraint".
std::string culprit_in(const SqliteFile& file, const TableName& table) {
  const std::string unknown = "a trigger or a constraint";
  auto names = file.prepare(
      "SELECT group_concat(name, ', ') FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ?1 COLLATE NOCASE");
  if (!names) return unknown;
  names->bind(1, std::string_view(table.name));
  if (const auto step = names->step(); !step || names->is_null(0)) return unknown;
  return "a trigger (" + std::string(names->text(0)) + ") or a constraint";
}

}  // namespace

void SqliteSettlement::prepare(SqliteStatement settle, SqliteStatement left) {
  settle_ = std::move(settle);
  left_ = std::move(left);
}

void SqliteSettlement::close() { prepare({}, {}); }

Status SqliteSettlement::catch_up(const SqliteFile& file, const LockPatience& patience) {
  if (unsettled_.empty()) return {};
  if (auto settled = settle_patiently(file, unsettled_.rows(), patience); !settled)
    return fail(
        std::move(settled.error()).with_context("settling what was delivered before this opening, which comes first"));
  unsettled_.forget();
  return {};
}

Status SqliteSettlement::settle(const SqliteFile& file, std::span<const RowKey> rows, const LockPatience& patience) {
  Status settled = settle_patiently(file, rows, patience);
  if (!settled) unsettled_.remember(rows);
  return settled;
}

Status SqliteSettlement::settle_patiently(const SqliteFile& file, std::span<const RowKey> rows,
                                          const LockPatience& patience) {
  for (;;) {
    Status settled = settle_once(file, rows, patience);
    if (settled || &settled.error().code() != &codes::kOutboxBusy || patience.until.expired()) return settled;
    rest(kBetweenAttempts, patience.stop);
  }
}

Status SqliteSettlement::settle_once(const SqliteFile& file, std::span<const RowKey> rows,
                                     const LockPatience& patience) {
  file.be_patient(patience);
  if (auto begun = file.execute("BEGIN IMMEDIATE"); !begun) return begun;
  file.be_patient({Deadline::at(std::min(patience.until.time(), Deadline::in(kLongestCommit).time())), patience.stop});
  auto kept = settle_rows(rows);
  pass_failpoint("outbox.in_settle");
  Status done = kept ? file.execute("COMMIT") : fail(std::move(kept.error()));
  if (done) return check_kept(file, *kept);
  // The error that counts is the first one: many roll back by themselves.
  (void)file.execute("ROLLBACK");
  return done;
}

Result<KeptRows> SqliteSettlement::settle_rows(std::span<const RowKey> rows) {
  for (const RowKey& row : rows) {
    settle_.bind(1, row.number);
    settle_.bind(2, row.id);
    const auto step = settle_.step();
    settle_.reset();
    if (!step) return fail(step.error());
  }
  KeptRows kept;
  for (const RowKey& row : rows) {
    left_.bind(1, row.number);
    left_.bind(2, row.id);
    const auto step = left_.step();
    left_.reset();
    if (!step) return fail(step.error());
    if (*step == SqliteStatement::Step::kDone || kept.count++ > 0) continue;
    std::string scratch;
    kept.first = std::holds_alternative<TrackRows>(settings_.policy) ? text_of(row.id, scratch).value_or("")
                                                                     : std::to_string(row.number);
  }
  return kept;
}

Status SqliteSettlement::check_kept(const SqliteFile& file, const KeptRows& kept) const {
  if (kept.count == 0) return {};
  const bool tracks = std::holds_alternative<TrackRows>(settings_.policy);
  return fail(
      refused_settlement(settings_, kept, culprit_in(file, tracks ? settled_table(settings_.table) : settings_.table)));
}

}  // namespace penstock::outbox
