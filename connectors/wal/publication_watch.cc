#include "connectors/wal/publication_watch.h"

namespace penstock::wal {

void PublicationWatch::begin(const WalDatabase& database, Lsn from) {
  partitioned_ = database.table && database.table->kind == outbox::PostgresColumns::Kind::kPartitioned;
  if (last_) return;
  last_.emplace().at = from;
  if (!database.publication) return;
  last_->membership = database.publication->membership;
  last_->table = database.publication->table;
}

Status PublicationWatch::check_opening(const WalDatabase& database, Lsn from, store::postgres::Session& session,
                                       Deadline deadline, std::stop_token stop) {
  if (settings_.reads_messages()) return {};
  begin(database, from);
  if (const std::string fault = publication_fault(database, settings_); !fault.empty()) {
    const auto now = look_at_publication(session, settings_, deadline, stop);
    if (!now) return fail(now.error());
    (void)put_on_record(fault, last_->at, now->at);
    return fail(codes::kWalPublicationMissing, fault + ": " + publication_fix(database, settings_));
  }
  if (auto well = look(session, deadline, std::move(stop)); !well) return well;
  const auto open = gaps_.find_open(settings_.rows.source_name, codes::kWalPublicationMissing.name);
  if (!open) return fail(open.error());
  if (*open) return unacknowledged((*open)->number, "the table was out of publication " + settings_.publication);
  return {};
}

Status PublicationWatch::look(store::postgres::Session& session, Deadline deadline, std::stop_token stop) {
  if (settings_.reads_messages() || !last_) return {};
  const auto now = look_at_publication(session, settings_, deadline, std::move(stop));
  if (!now) return fail(now.error());
  std::string what = publication_fault(now->state, partitioned_, settings_);
  if (what.empty() && !goes_on(*last_, *now->state))
    what = "table " + settings_.rows.table.to_string() + " was taken out of publication " + settings_.publication +
           " and put in again";
  if (!what.empty())
    if (auto known = put_on_record(what, last_->at, now->at); !known) return known;
  last_ = Well{now->state->membership, now->state->table, now->at};
  return {};
}

bool PublicationWatch::goes_on(const Well& last, const PublicationState& now) {
  const bool is_new_table = now.table != last.table;
  return now.membership == last.membership || (is_new_table && now.born_in_it);
}

// Fine once it is acknowledged.
Status PublicationWatch::put_on_record(const std::string& what, Lsn from, Lsn to) {
  const SourceGap gap{std::string(codes::kWalPublicationMissing.name), position_of(from), position_of(to)};
  const auto standing = gaps_.record(settings_.rows.source_name, gap);
  if (!standing) return fail(Error(standing.error()).with_context(what));
  if (standing->is == SourceGaps::Standing::Is::kAcknowledged) {
    log_.info("source " + settings_.rows.source_name,
              "gap " + std::to_string(standing->number) + " is acknowledged: the source goes on");
    return {};
  }
  return unacknowledged(standing->number, what);
}

tl::unexpected<Error> PublicationWatch::unacknowledged(std::int64_t number, const std::string& what) const {
  return fail(codes::kWalPublicationMissing,
              what + ": rows that were committed meanwhile never come through the slot; gap " + std::to_string(number) +
                  " is not acknowledged: compare the table with the sink, refill what is"
                  " missing, then `penstock gaps ack " +
                  std::to_string(number) + "`");
}

}  // namespace penstock::wal
