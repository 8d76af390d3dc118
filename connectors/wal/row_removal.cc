#include "connectors/wal/row_removal.h"

#include <algorithm>
#include <thread>

#include "connectors/outbox/table_name.h"

namespace penstock::wal {
namespace {

// The column is compared as what it is, so that its index serves.
std::string delete_statement(const WalSettings& settings, const outbox::PostgresColumn& id) {
  const std::string column = outbox::quoted_identifier(id.name);
  const bool as_text = id.type == outbox::ColumnType::kText || id.type == outbox::ColumnType::kDynamic;
  return "WITH gone AS (DELETE FROM " + settings.rows.table.quoted() + " WHERE " +
         (as_text ? column + "::text = ANY($1)" : column + " = ANY($1::" + id.type_name + "[])") +
         " RETURNING 1) SELECT count(*) FROM gone";
}

// A commit can be read from the log a moment before other transactions see its rows: a statement that
// deletes fewer than it names is tried again after these, and then the rest is taken as gone.
constexpr std::chrono::milliseconds kUntilVisible[] = {std::chrono::milliseconds(4), std::chrono::milliseconds(12)};

}  // namespace

RowRemoval::RowRemoval(const WalSettings& settings, const outbox::PostgresColumn& id, const Clock& clock)
    : statement_{"wal_remove", delete_statement(settings, id)}, clock_(clock) {}

void RowRemoval::handed_out(ReadMark mark, std::optional<std::string> id) { rows_.push_back({mark, std::move(id)}); }

Status RowRemoval::remove_up_to(ReadMark mark, store::postgres::Session& session, Duration patience) {
  while (!rows_.empty() && rows_.front().mark <= mark) {
    std::vector<std::string_view> ids;
    std::size_t taken = 0;
    for (; taken < rows_.size() && rows_[taken].mark <= mark && ids.size() < kRowsPerStatement; ++taken)
      if (rows_[taken].id) ids.push_back(*rows_[taken].id);
    if (!ids.empty()) {
      if (const auto wait = next_statement_ - clock_.now(); wait > Duration::zero()) std::this_thread::sleep_for(wait);
      store::postgres::Parameters parameters;
      parameters.texts(ids);
      if (auto deleted = remove(parameters, ids.size(), session, patience); !deleted)
        return fail(std::move(deleted.error()).with_context("deleting settled rows"));
      next_statement_ = clock_.now() + std::chrono::microseconds(1'000'000) * ids.size() / kRowsPerSecond;
    }
    rows_.erase(rows_.begin(), rows_.begin() + static_cast<std::ptrdiff_t>(taken));
  }
  return {};
}

Status RowRemoval::remove(const store::postgres::Parameters& ids, std::size_t wanted, store::postgres::Session& session,
                          Duration patience) const {
  std::size_t left = wanted;
  const auto run = [&]() -> Status {
    const auto deleted = session.run(statement_, ids, Deadline::in(patience));
    if (!deleted) return fail(deleted.error());
    left -= std::min(left, static_cast<std::size_t>(deleted->integer(0, 0)));
    return {};
  };
  auto done = run();
  for (const std::chrono::milliseconds pause : kUntilVisible) {
    if (!done || left == 0) break;
    std::this_thread::sleep_for(pause);
    done = run();
  }
  return done;
}

}  // namespace penstock::wal
