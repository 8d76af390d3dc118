#include "connectors/wal/row_removal.h"

#include <algorithm>
#include <utility>

#include "connectors/outbox/kept_rows.h"
#include "connectors/outbox/lock_wait.h"
#include "connectors/outbox/table_name.h"
#include "connectors/wal/wal_database.h"
#include "core/rest.h"

namespace penstock::wal {
namespace {

using store::postgres::Call;
using store::postgres::Parameters;
using store::postgres::Session;
using store::postgres::SessionSettings;
using store::postgres::SqlCondition;
using store::postgres::Statement;

// Longer than it takes until somebody asks who holds the lock. Nothing is read from the log meanwhile.
constexpr std::chrono::milliseconds kLockWait{2'500};
constexpr std::chrono::seconds kBetweenTries{5};
// Nothing is read from the log while rows are deleted: no statement is begun after so long.
constexpr std::chrono::milliseconds kTurn{500};
// A statement that takes less may well have more rows; of one that takes more, the next has as many as fit into half.
constexpr std::chrono::milliseconds kLongest{1'000};

// Others hold what is to be deleted, or fight for it: they go away.
bool is_in_the_way(SqlCondition condition) {
  return condition == SqlCondition::kLockTimeout || condition == SqlCondition::kSerialization;
}

Parameters parameters_of(const std::vector<std::string_view>& ids) {
  Parameters parameters;
  parameters.texts(ids);
  return parameters;
}

// The column is compared as what it is, so that its index serves.
std::string rows_statement(const std::string& verb, const WalSettings& settings, const outbox::PostgresColumn& id) {
  const std::string column = outbox::quoted_identifier(id.name);
  const bool as_text = id.type == outbox::ColumnType::kText || id.type == outbox::ColumnType::kDynamic;
  return verb + " FROM " + settings.rows.table.quoted() + " WHERE " +
         (as_text ? column + "::text = ANY($1)" : column + " = ANY($1::" + id.type_name + "[])");
}

}  // namespace

RowRemoval::RowRemoval(const WalSettings& settings, const SessionSettings& ask, const Clock& clock, Log& log)
    : settings_(settings),
      ask_(ask),
      clock_(clock),
      held_back_(settings.rows.source_name, log, outbox::HeldBack::kLockedRows) {}

Status RowRemoval::begin(const outbox::PostgresColumns& table, Session& session, Duration patience,
                         const std::stop_token& stop) {
  const outbox::PostgresColumn* id = table.find(*settings_.rows.column_of(outbox::Role::kId));
  if (id == nullptr) return fail(codes::kOutboxTableMissing, settings_.rows.table.to_string() + " has no id column");
  prepare(table, *id);
  const Deadline deadline = Deadline::in(patience);
  const auto in_words = [](Error error) { return fail(std::move(error).with_context("deleting settled rows")); };
  if (auto tried = session.run(statement_, parameters_of({}), deadline, stop); !tried)
    return in_words(std::move(tried.error()));
  if (auto set = session.execute("SET lock_timeout = " + std::to_string(kLockWait.count()), deadline, stop); !set)
    return in_words(std::move(set.error()));
  return remove(session, patience, {}, stop);
}

// Ids of another type can't be told to the table any more: what was left comes again.
void RowRemoval::prepare(const outbox::PostgresColumns& table, const outbox::PostgresColumn& id) {
  if (id_type_ != id.type_id) rows_.clear();
  table_ = table;
  id_type_ = id.type_id;
  statement_ = {"wal_remove", rows_statement("DELETE", settings_, id)};
  left_ = {"wal_left", rows_statement("SELECT count(*)", settings_, id)};
}

void RowRemoval::end() {
  std::erase_if(rows_, [&](const Row& row) { return row.mark > settled_ || !row.id; });
  for (Row& row : rows_) row.mark = {};
  // What waited over several openings was handed out in each of them.
  std::ranges::sort(rows_, {}, &Row::id);
  const auto repeated = std::ranges::unique(rows_, {}, &Row::id);
  rows_.erase(repeated.begin(), repeated.end());
  waiting_ = 0;
  settled_ = {};
  next_statement_ = {};
}

void RowRemoval::handed_out(ReadMark mark, std::optional<std::string> id) { rows_.push_back({mark, std::move(id)}); }

ReadMark RowRemoval::removed() const {
  if (rows_.empty() || rows_.front().mark > settled_) return settled_;
  const ReadMark first = rows_.front().mark;
  return first == ReadMark{} ? first : ReadMark{first.value - 1};
}

std::size_t RowRemoval::settled_rows() const {
  return static_cast<std::size_t>(std::ranges::upper_bound(rows_, settled_, {}, &Row::mark) - rows_.begin());
}

Status RowRemoval::remove(Session& session, Duration patience, const Meanwhile& meanwhile,
                          const std::stop_token& stop) {
  if (is_behind()) {
    waiting_ = settled_rows();
    if (clock_.now() < next_statement_) return {};
  }
  const SteadyTime turn_ends = clock_.now() + kTurn;
  while (!rows_.empty() && rows_.front().mark <= settled_) {
    if (clock_.now() >= turn_ends) {
      waiting_ = settled_rows();
      return {};
    }
    std::vector<std::string_view> ids;
    std::size_t taken = 0;
    for (; taken < rows_.size() && rows_[taken].mark <= settled_ && ids.size() < rows_per_statement_; ++taken)
      if (rows_[taken].id) ids.push_back(*rows_[taken].id);
    if (!ids.empty()) {
      if (const auto wait = next_statement_ - clock_.now(); wait > Duration::zero()) rest(wait, stop);
      const SteadyTime begun = clock_.now();
      const auto done = delete_rows(ids, session, Deadline::in(patience), meanwhile, stop);
      if (!done) return fail(Error(done.error()).with_context("deleting settled rows"));
      if (*done == Done::kTakesTooLong) {
        rows_per_statement_ = std::max<std::size_t>(ids.size() / 10, 1);
        continue;
      }
      if (*done == Done::kLocked) {
        waiting_ = std::max(waiting_, taken);
        next_statement_ = clock_.now() + kBetweenTries;
        return {};
      }
      const SteadyTime now = clock_.now();
      fit_statements(ids.size(), now - begun);
      next_statement_ = now + std::chrono::microseconds(1'000'000) * ids.size() / kRowsPerSecond;
    }
    rows_.erase(rows_.begin(), rows_.begin() + static_cast<std::ptrdiff_t>(taken));
    if (meanwhile) meanwhile();
  }
  waiting_ = 0;
  return {};
}

// How long a row takes shows only when it is deleted, and what belongs to the statement takes as long with fewer.
void RowRemoval::fit_statements(std::size_t rows, Duration took) {
  if (took < kLongest) {
    rows_per_statement_ = std::min(rows_per_statement_ * 2, kRowsPerStatement);
    return;
  }
  const double share = std::chrono::duration<double>(kLongest) / 2 / took;
  rows_per_statement_ = std::max<std::size_t>(static_cast<std::size_t>(static_cast<double>(rows) * share), 1);
}

Result<RowRemoval::Done> RowRemoval::delete_rows(const std::vector<std::string_view>& ids, Session& session,
                                                 Deadline deadline, const Meanwhile& meanwhile,
                                                 const std::stop_token& stop) {
  const outbox::LockWait wait(session, ask_, stop, meanwhile);
  const Parameters parameters = parameters_of(ids);
  const auto deleted = session.run(statement_, parameters, deadline, stop);
  if (deleted) {
    held_back_.saw(std::nullopt, clock_.now());
    if (deleted->affected() < ids.size())
      if (auto gone = check_gone(parameters, session, deadline, stop); !gone) return fail(std::move(gone.error()));
    return Done::kDeleted;
  }
  if (session.broken()) return fail(deleted.error());
  const SqlCondition condition = session.failure().condition;
  if (condition == SqlCondition::kCanceled && ids.size() > 1) return Done::kTakesTooLong;
  if (!is_in_the_way(condition)) return fail(deleted.error());
  if (wait.blocker()) held_back_.saw(wait.blocker(), clock_.now());
  return Done::kLocked;
}

// Others may have deleted them, and even put others in their place meanwhile, which then go the same way.
Status RowRemoval::check_gone(const Parameters& ids, Session& session, Deadline deadline,
                              const std::stop_token& stop) const {
  const auto left = count_left(ids, session, deadline, stop);
  if (!left) return fail(left.error());
  if (*left == 0) return {};
  if (auto again = session.run(statement_, ids, deadline, stop); !again) return fail(std::move(again.error()));
  const auto still_left = count_left(ids, session, deadline, stop);
  if (!still_left) return fail(still_left.error());
  if (*still_left == 0) return {};
  return fail(codes::kOutboxRefused,
              outbox::words_of_kept_rows(settings_.rows, static_cast<std::size_t>(*still_left)) + ": " +
                  outbox::kPostgresCulprit +
                  " of the table undoes settle = \"delete\". Drop it, or take settle = \"keep\"");
}

// What row level security hides is not counted, so none may hide anything: asked behind the count, whose lock keeps the
// table as it is until then.
Result<std::int64_t> RowRemoval::count_left(const Parameters& ids, Session& session, Deadline deadline,
                                            const std::stop_token& stop) const {
  static const Statement kHides{"wal_hides", outbox::kHidesRowsStatement};
  Parameters oid;
  oid.int8(table_.table_oid);
  const Call calls[] = {{&left_, &ids}, {&kHides, &oid}};
  const auto found = session.run_pipeline(calls, deadline, stop);
  if (!found) return fail(found.error());
  if (found->back().boolean(0, 0)) return fail(hidden_rows_stay(table_, settings_));
  return found->front().integer(0, 0);
}

}  // namespace penstock::wal
