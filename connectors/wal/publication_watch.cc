#include "connectors/wal/publication_watch.h"

#include <algorithm>
#include <utility>

namespace penstock::wal {
namespace {

// As far as the two looks and the catalogue can tell.
Result<bool> stayed_published(const Membership& before, const Membership& now, store::postgres::Session& session,
                              Deadline deadline, const std::stop_token& stop) {
  if (!stays_published(before, now)) return false;
  if (!hangs_on_succession(before, now)) return true;
  const auto stood_another_between = gave_name_away_before(session, before, now, deadline, stop);
  if (!stood_another_between) return fail(stood_another_between.error());
  return !*stood_another_between;
}

}  // namespace

// An absence that lasts is recorded once; how long it was is known when it ends, and what the first record doesn't name
// becomes a further one: what an operator acknowledges is what stood there to be read.
Result<PublicationWatch::Judgement> PublicationWatch::judge_opening(const WalDatabase& database,
                                                                    const PublishedAt& last,
                                                                    store::postgres::Session& session,
                                                                    Deadline deadline, const std::stop_token& stop) {
  const auto known = list_records(last);
  if (!known) return fail(known.error());
  if (const std::string fault = publication_fault(database, settings_); !fault.empty()) {
    if (known->empty())
      if (auto recorded = put_on_record(last, database.log_end, fault, *known); !recorded)
        return fail(std::move(recorded.error()));
    return fail(codes::kWalPublicationMissing, fault + ": " + publication_fix(database, settings_));
  }
  Judgement found{{last.at, database.publication->membership}};
  const auto stayed = stayed_published(last.membership, found.now.membership, session, deadline, stop);
  if (!stayed) return fail(stayed.error());
  // A look that saw the table out has left a record, whatever the catalogue shows now.
  if (known->empty() && *stayed) return found;
  const std::string what = "table " + settings_.rows.table.to_string() + " was out of publication " +
                           settings_.publication + " for a time, or the publication was altered";
  if (auto recorded = put_on_record(last, database.log_end, what, *known); !recorded)
    return fail(std::move(recorded.error()));
  found.now.at = database.log_end;
  found.absence = Judgement::Absence::kEnded;
  return found;
}

Status PublicationWatch::check_acknowledged() {
  const auto open = gaps_.find_open(settings_.rows.source_name, codes::kWalPublicationMissing.name);
  if (!open) return fail(open.error());
  if (!*open) return {};
  const std::string number = std::to_string((*open)->number);
  return fail(codes::kWalPublicationMissing,
              "the table was out of publication " + settings_.publication +
                  ", or it was altered: rows that were committed meanwhile never come through the slot; gap " + number +
                  " is not acknowledged: compare the table with the sink, refill what is missing, then"
                  " `penstock gaps ack " +
                  number + "`");
}

void PublicationWatch::begin(std::optional<PublishedAt> now, const WalDatabase& database) {
  partitioned_ = database.table && database.table->kind == outbox::PostgresColumns::Kind::kPartitioned;
  last_ = std::move(now);
  next_ = {database.log_end, database.running.next};
  has_news_ = false;
}

Status PublicationWatch::look(store::postgres::Session& session, Deadline deadline, const std::stop_token& stop) {
  if (!last_) return {};
  const auto now = look_at_publication(session, settings_, deadline, stop);
  if (!now) return fail(now.error());
  const std::string fault =
      now->left_out.empty() ? publication_fault(now->state, partitioned_, settings_) : now->left_out;
  if (!fault.empty()) {
    const auto known = list_records(*last_);
    if (!known) return fail(known.error());
    if (known->empty())
      if (auto recorded = put_on_record(*last_, now->at, fault, *known); !recorded) return recorded;
    return fail(codes::kWalPublicationMissing, fault);
  }
  const auto stayed = stayed_published(last_->membership, now->state->membership, session, deadline, stop);
  if (!stayed) return fail(stayed.error());
  if (!*stayed)
    return fail(codes::kWalPublicationMissing, "publication " + settings_.publication + ", or the part of table " +
                                                   settings_.rows.table.to_string() +
                                                   " in it, is not what it was at the last look");
  if (last_->membership != now->state->membership) has_news_ = true;
  last_->membership = now->state->membership;
  if (now->running.oldest >= next_.transactions) {
    last_->at = std::max(last_->at, next_.at);
    next_ = {now->at, now->running.next};
  }
  return {};
}

// Those of this absence: `last` is from before it.
Result<std::vector<SourceGaps::Recorded>> PublicationWatch::list_records(const PublishedAt& last) const {
  auto known = gaps_.list(settings_.rows.source_name, position_of(last.at));
  if (!known) return fail(known.error());
  std::erase_if(*known,
                [](const SourceGaps::Recorded& one) { return one.gap.reason != codes::kWalPublicationMissing.name; });
  return known;
}

Status PublicationWatch::put_on_record(const PublishedAt& last, Lsn to, const std::string& what,
                                       const std::vector<SourceGaps::Recorded>& known) {
  Position from = position_of(last.at);
  for (const SourceGaps::Recorded& one : known) from = std::max(from, one.gap.to);
  if (!known.empty() && from >= position_of(to)) return {};
  const SourceGap gap{std::string(codes::kWalPublicationMissing.name), from, position_of(to)};
  const auto number = gaps_.record(settings_.rows.source_name, gap);
  if (!number) return fail(Error(number.error()).with_context(what));
  log_.error(component(),
             Error(codes::kWalPublicationMissing, what + ": gap " + std::to_string(*number) + " from " +
                                                      to_string(lsn_of(from)) + " to " + to_string(to) +
                                                      " is on record; rows that were committed there may be"
                                                      " missing, and nothing is delivered until `penstock gaps ack " +
                                                      std::to_string(*number) + "`"));
  return {};
}

}  // namespace penstock::wal
