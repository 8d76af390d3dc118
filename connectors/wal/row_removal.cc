#include "connectors/wal/row_removal.h"

#include "connectors/outbox/table_name.h"
#include "core/rest.h"

namespace penstock::wal {
namespace {

// The column is compared as what it is, so that its index serves.
std::string delete_statement(const WalSettings& settings, const outbox::PostgresColumn& id) {
  const std::string column = outbox::quoted_identifier(id.name);
  const bool as_text = id.type == outbox::ColumnType::kText || id.type == outbox::ColumnType::kDynamic;
  return "DELETE FROM " + settings.rows.table.quoted() + " WHERE " +
         (as_text ? column + "::text = ANY($1)" : column + " = ANY($1::" + id.type_name + "[])");
}

}  // namespace

RowRemoval::RowRemoval(const WalSettings& settings, const outbox::PostgresColumn& id, const Clock& clock)
    : statement_{"wal_remove", delete_statement(settings, id)}, clock_(clock) {}

void RowRemoval::handed_out(ReadMark mark, std::optional<std::string> id) { rows_.push_back({mark, std::move(id)}); }

Status RowRemoval::try_out(store::postgres::Session& session, Deadline deadline, const std::stop_token& stop) const {
  if (auto tried = remove({}, session, deadline, stop); !tried)
    return fail(std::move(tried.error()).with_context("deleting settled rows"));
  return {};
}

Status RowRemoval::remove_up_to(ReadMark mark, store::postgres::Session& session, Duration patience,
                                const std::stop_token& stop) {
  while (!rows_.empty() && rows_.front().mark <= mark) {
    std::vector<std::string_view> ids;
    std::size_t taken = 0;
    for (; taken < rows_.size() && rows_[taken].mark <= mark && ids.size() < kRowsPerStatement; ++taken)
      if (rows_[taken].id) ids.push_back(*rows_[taken].id);
    if (!ids.empty()) {
      if (const auto wait = next_statement_ - clock_.now(); wait > Duration::zero()) rest(wait, stop);
      if (auto deleted = remove(ids, session, Deadline::in(patience), stop); !deleted)
        return fail(std::move(deleted.error()).with_context("deleting settled rows"));
      next_statement_ = clock_.now() + std::chrono::microseconds(1'000'000) * ids.size() / kRowsPerSecond;
    }
    rows_.erase(rows_.begin(), rows_.begin() + static_cast<std::ptrdiff_t>(taken));
  }
  return {};
}

Status RowRemoval::remove(const std::vector<std::string_view>& ids, store::postgres::Session& session,
                          Deadline deadline, const std::stop_token& stop) const {
  store::postgres::Parameters parameters;
  parameters.texts(ids);
  const auto deleted = session.run(statement_, parameters, deadline, stop);
  if (!deleted) return fail(deleted.error());
  return {};
}

}  // namespace penstock::wal
