#include "connectors/outbox/sqlite_settlement.h"

#include <algorithm>
#include <utility>

#include "core/failpoint.h"
#include "core/rest.h"

namespace penstock::outbox {
namespace {

constexpr std::chrono::seconds kLongestCommit{1};
constexpr std::chrono::milliseconds kBetweenAttempts{50};

}  // namespace

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
  Status done = settle_rows(rows);
  pass_failpoint("outbox.in_settle");
  if (done) done = file.execute("COMMIT");
  if (done) return done;
  // The error that counts is the first one: many roll back by themselves.
  (void)file.execute("ROLLBACK");
  return done;
}

Status SqliteSettlement::settle_rows(std::span<const RowKey> rows) {
  for (const RowKey& row : rows) {
    settle_.bind(1, row.number);
    settle_.bind(2, row.id);
    const auto step = settle_.step();
    settle_.reset();
    if (!step) return fail(step.error());
  }
  return {};
}

}  // namespace penstock::outbox
