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
  if (auto whole = check_fault(database, last); !whole) return fail(std::move(whole.error()));
  const auto recorded = find_recorded(last.at);
  if (!recorded) return fail(recorded.error());
  Judgement found{{last.at, database.publication->membership}};
  const auto stayed = stayed_published(last.membership, found.now.membership, session, deadline, stop);
  if (!stayed) return fail(stayed.error());
  // A look that saw the table out has left a record, whatever the catalogue shows now.
  if (!*recorded && *stayed) return found;
  const std::string what = "table " + settings_.rows.table.to_string() + " was out of publication " +
                           settings_.publication +
                           " for a time, or the publication was altered, or the log left out a part of the table";
  const auto end = find_end_of_absence(database, session, deadline, stop);
  if (!end) {
    if (!*recorded)
      if (auto put = put_on_record(last.at, database.log_end, what, *recorded); !put)
        return fail(std::move(put.error()));
    return fail(end.error());
  }
  if (auto put = put_on_record(last.at, *end, what, *recorded); !put) return fail(std::move(put.error()));
  found.now.at = *end;
  found.absence = Judgement::Absence::kEnded;
  return found;
}

Status PublicationWatch::check_fault(const WalDatabase& database, const PublishedAt& last) {
  const std::string fault = database.left_out.empty() ? publication_fault(database, settings_) : database.left_out;
  if (fault.empty()) return {};
  back_ = {};
  const auto recorded = find_recorded(last.at);
  if (!recorded) return fail(recorded.error());
  if (!*recorded)
    if (auto put = put_on_record(last.at, database.log_end, fault, *recorded); !put) return put;
  if (auto whole = check_left_out(database); !whole) return whole;
  return fail(codes::kWalPublicationMissing, fault + ": " + publication_fix(database, settings_));
}

// Behind the look, and behind all that was written before it.
Result<Lsn> PublicationWatch::find_end_of_absence(const WalDatabase& database, store::postgres::Session& session,
                                                  Deadline deadline, const std::stop_token& stop) {
  const Membership& now = database.publication->membership;
  if (back_.transactions == 0 || back_.membership != now) back_ = {now, database.running.next};
  const auto end = find_end_of_writers(session, database, back_.transactions, deadline, stop);
  if (!end) return fail(end.error());
  if (!end->writer.empty())
    return fail(codes::kWalPublicationMissing,
                "table " + settings_.rows.table.to_string() + " is in publication " + settings_.publication +
                    " again, or that was altered, but " + end->writer +
                    " has not ended, which wrote to the table before: its rows may be missing, too, and the record of"
                    " what is ends behind it");
  back_ = {};
  return end->log_end;
}

Status PublicationWatch::check_acknowledged() {
  const auto open = gaps_.find_open(settings_.rows.source_name, codes::kWalPublicationMissing.name);
  if (!open) return fail(open.error());
  if (!*open) return {};
  const std::string number = std::to_string((*open)->number);
  return fail(codes::kWalPublicationMissing,
              "the table was out of publication " + settings_.publication +
                  ", or it was altered, or the log left out a part of the table: rows that were committed meanwhile "
                  "never come through the slot; gap " +
                  number +
                  " is not acknowledged: compare the table with the sink, refill what is missing, then"
                  " `penstock gaps ack " +
                  number + "`");
}

void PublicationWatch::begin(std::optional<PublishedAt> now, const WalDatabase& database) {
  partitioned_ = database.table && database.table->kind == outbox::PostgresColumns::Kind::kPartitioned;
  last_ = std::move(now);
  next_ = {database.log_end, database.running.next};
  kept();
}

void PublicationWatch::kept() {
  has_news_ = false;
  if (last_) kept_at_ = last_->at;
}

Status PublicationWatch::look(store::postgres::Session& session, Deadline deadline, const std::stop_token& stop) {
  if (!last_) return {};
  const auto now = look_at_publication(session, settings_, deadline, stop);
  if (!now) return fail(now.error());
  const std::string fault =
      now->left_out.empty() ? publication_fault(now->state, partitioned_, settings_) : now->left_out;
  if (!fault.empty()) {
    const auto recorded = find_recorded(kept_at_);
    if (!recorded) return fail(recorded.error());
    if (!*recorded)
      if (auto put = put_on_record(kept_at_, now->at, fault, *recorded); !put) return put;
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

// Up to where the absence since then is: its first record begins there, each further one where the one before ended.
// The others are of places in another log, or in a part of this one that is lost. nullopt: it has none.
Result<std::optional<Position>> PublicationWatch::find_recorded(Lsn since) const {
  const auto known = gaps_.list(settings_.rows.source_name, position_of(since));
  if (!known) return fail(known.error());
  std::optional<Position> recorded;
  for (bool leads_on = true; std::exchange(leads_on, false);)
    for (const auto& [number, gap, is] : *known) {
      if (gap.reason != codes::kWalPublicationMissing.name || gap.from != recorded.value_or(position_of(since)))
        continue;
      leads_on = leads_on || !recorded || gap.to > *recorded;
      recorded = std::max(recorded.value_or(gap.to), gap.to);
    }
  return recorded;
}

Status PublicationWatch::put_on_record(Lsn since, Lsn to, const std::string& what, std::optional<Position> recorded) {
  const Position from = recorded.value_or(position_of(since));
  if (recorded && from >= position_of(to)) return {};
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
