#include "connectors/wal/publication_watch.h"

#include <algorithm>

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
    is_out_ = true;
    (void)put_on_record(fault, now->at, Absence::kLasts);
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
  if (const std::string fault = publication_fault(now->state, partitioned_, settings_); !fault.empty()) {
    is_out_ = true;
    if (auto known = put_on_record(fault, now->at, Absence::kLasts); !known) return known;
    return fail(codes::kWalPublicationMissing, fault);
  }
  if (is_out_ || !goes_on(*last_, *now->state)) {
    if (!well_again_) well_again_ = now->at;
    const std::string what = "table " + settings_.rows.table.to_string() + " was out of publication " +
                             settings_.publication + " and is in it again";
    if (auto known = put_on_record(what, *well_again_, Absence::kEnded); !known) return known;
  }
  is_out_ = false;
  well_again_.reset();
  last_ = Well{now->state->membership, now->state->table, now->at};
  return {};
}

bool PublicationWatch::goes_on(const Well& last, const PublicationState& now) {
  const bool is_new_table = now.table != last.table;
  return now.membership == last.membership || (is_new_table && now.born_in_it);
}

// Fine once all of it is acknowledged. An absence that lasts is recorded once; how long it was is known when it ends,
// and what the first record doesn't name becomes a further one: what an operator acknowledges is what stood there to be
// read.
Status PublicationWatch::put_on_record(const std::string& what, Lsn to, Absence absence) {
  const std::string& source = settings_.rows.source_name;
  const Position from = position_of(last_->at);
  const auto known = gaps_.list(source, from);
  if (!known) return fail(Error(known.error()).with_context(what));
  Position covered = from;
  std::optional<std::int64_t> open;
  bool is_on_record = false;
  for (const SourceGaps::Recorded& one : *known) {
    if (one.gap.reason != codes::kWalPublicationMissing.name) continue;
    is_on_record = true;
    covered = std::max(covered, one.gap.to);
    if (one.is == SourceGaps::Standing::Is::kOpen && !open) open = one.number;
  }
  if (!is_on_record || (absence == Absence::kEnded && covered < position_of(to))) {
    const auto number =
        gaps_.record_further(source, {std::string(codes::kWalPublicationMissing.name), covered, position_of(to)});
    if (!number) return fail(Error(number.error()).with_context(what));
    if (!open) open = *number;
  }
  if (open) return unacknowledged(*open, what);
  log_.info("source " + source, what + "; what was missed is acknowledged: the source goes on");
  return {};
}

tl::unexpected<Error> PublicationWatch::unacknowledged(std::int64_t number, const std::string& what) const {
  return fail(codes::kWalPublicationMissing,
              what + ": rows that were committed meanwhile never come through the slot; gap " + std::to_string(number) +
                  " is not acknowledged: compare the table with the sink, refill what is"
                  " missing, then `penstock gaps ack " +
                  std::to_string(number) + "`");
}

}  // namespace penstock::wal
