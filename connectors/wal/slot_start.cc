#include "connectors/wal/slot_start.h"

#include <algorithm>
#include <utility>

#include "connectors/outbox/held_back.h"
#include "connectors/outbox/lock_wait.h"
#include "connectors/wal/start_check.h"
#include "connectors/wal/wal_session.h"
#include "core/failpoint.h"

namespace penstock::wal {

using store::postgres::Session;
using store::postgres::SqlCondition;

namespace {

constexpr std::chrono::seconds kAnswerTakes{10};

std::string words_of(const SourceGaps::Recorded& record) {
  return "gap " + std::to_string(record.number) + " from " + to_string(lsn_of(record.gap.from)) + " to " +
         to_string(lsn_of(record.gap.to));
}

// With the code of the record, as it was when it was found: by now there may be a new slot.
Error not_acknowledged(const LostLog& lost, const std::vector<SourceGaps::Recorded>& names) {
  const ErrorCode* code = nullptr;
  std::string words;
  for (const SourceGaps::Recorded& record : names) {
    if (record.is != SourceGaps::Recorded::Is::kOpen) continue;
    if (code == nullptr) code = find_error_code(record.gap.reason);
    words += (words.empty() ? "" : ", ") + words_of(record) + " waits for `penstock gaps ack " +
             std::to_string(record.number) + "`";
  }
  return {code != nullptr ? *code : lost.why.code(), lost.why.message() + ": " + words};
}

}  // namespace

Result<Progress> SlotStart::find(WalDatabase& database) {
  auto stored = parts_.checkpoints.load(parts_.settings.rows.source_name);
  if (!stored) return fail(std::move(stored.error()));
  stored_ = *std::move(stored);
  const auto& server = session_.server();
  const ServerIdentity identity{server.system_identifier, server.timeline};
  // What was published on another server says nothing of this one.
  if (stored_ && stored_->system_identifier == identity.system_identifier) own_ = parse_own_position(stored_->position);
  std::optional<Lsn> switch_point;
  if (own_ && stored_->timeline < identity.timeline) {
    const auto found = find_switch_point();
    if (!found) return fail(found.error());
    switch_point = *found;
    if (switch_point && own_->published) own_->published->at = std::min(own_->published->at, *switch_point);
  }
  if (auto back = take_back_look(database, identity); !back) return fail(std::move(back.error()));
  if (auto back = go_back(database, identity); !back) return fail(std::move(back.error()));
  const auto start = judge_start(stored_, database.slot, parts_.settings.slot, identity, switch_point);
  if (!start) return fail(start.error());
  const auto* const lost = std::get_if<LostLog>(&*start);
  std::optional<Progress> progress;  // nullopt: a slot is to be made
  if (const auto* known = std::get_if<Progress>(&*start)) {
    progress = *known;
  } else if (lost && lost->slot_stands_at) {
    // Before a look at the publication is kept with what is known of the server now: the loss would be forgotten. What
    // the log leaves out while an operator is waited for shows nowhere any more once it is mended.
    const auto passed = pass_gap(database, *lost);
    if (own_ && own_->published && !parts_.settings.reads_messages())
      if (auto whole = parts_.publication.check_fault(database, *own_->published); !whole)
        return fail(passed ? whole.error() : Error(whole.error()).with_context(passed.error().message()));
    if (!passed) return fail(passed.error());
    progress = *passed;
  }
  auto published = look_at_publication(database, progress);
  if (!published) return fail(std::move(published.error()));
  if (!progress) {
    const auto made = lost ? pass_gap(database, *lost) : begin_first(database);
    if (!made) return fail(made.error());
    progress = *made;
  }
  if (!*published && !parts_.settings.reads_messages() && database.publication)
    *published = PublishedAt{progress->settled, database.publication->membership};
  if (auto acknowledged = check_loss_acknowledged(); !acknowledged) return fail(std::move(acknowledged.error()));
  // From here on a slot that is lost is noticed, and a table that leaves its publication.
  if (auto kept = keep({*progress, *published}); !kept) return fail(std::move(kept.error()));
  say_passed();
  parts_.publication.begin(*std::move(published), database);
  return *progress;
}

// The server was set back behind it, though perhaps not behind what was delivered. Kept, because records of an absence
// begin there; on a new timeline what is kept says that a tail was lost.
Status SlotStart::take_back_look(const WalDatabase& database, const ServerIdentity& server) {
  if (!own_ || !own_->published || own_->published->at <= database.log_end) return {};
  own_->published->at = database.log_end;
  return stored_->timeline == server.timeline ? keep(*own_) : Status();
}

// The record first, then the place from which it is read again: it takes the one of what was delivered before anything
// is acknowledged, because nothing tells any more once the log has grown to there. To where the server was set back
// nobody knows, nor whether the slot is as old: what has been committed since may lie anywhere.
Status SlotStart::go_back(const WalDatabase& database, const ServerIdentity& server) {
  if (!own_) return {};
  const auto place = find_place_after_set_back(*stored_, own_->progress, database.slot, server, database.log_end);
  if (!place) return {};
  const Lsn delivered = own_->progress.furthest();
  const SourceGap gap{std::string(codes::kWalOtherServer.name), position_of(Lsn{}), position_of(delivered)};
  const auto number = parts_.gaps.record(parts_.settings.rows.source_name, gap);
  if (!number) return fail(number.error());
  const std::string slot = "slot " + parts_.settings.slot;
  parts_.log.error(
      component(),
      Error(codes::kWalOtherServer,
            "the log of the server ends at " + to_string(database.log_end) + ", but everything up to " +
                to_string(delivered) +
                " was delivered: the server was set back, and has lost what it had committed last; gap " +
                std::to_string(*number) + " is on record, and nothing is delivered until `penstock gaps ack " +
                std::to_string(*number) + "`; " +
                (*place == Lsn{} ? slot + " is gone, too, so that what was committed since it was set back is not read:"
                                          " compare the whole table with the sink"
                                 : "then it is read again from " + to_string(*place) + ", where " + slot +
                                       " stands; if that was made since it was set back, compare the whole table with"
                                       " the sink, because what was committed before is not read")));
  own_->progress = {*place, {}};
  return keep(*own_);
}

// Records of another server, or of a failover, are asked for where their gap is found.
Status SlotStart::check_loss_acknowledged() {
  const auto known = parts_.gaps.list(parts_.settings.rows.source_name, position_of(Lsn{}));
  if (!known) return fail(known.error());
  const auto open = std::ranges::find_if(*known, [](const SourceGaps::Recorded& record) {
    return record.is == SourceGaps::Recorded::Is::kOpen && record.gap.from == position_of(Lsn{}) &&
           record.gap.reason == codes::kWalOtherServer.name;
  });
  if (open == known->end()) return {};
  return fail(codes::kWalOtherServer, "the server was set back, and has lost what was delivered: " + words_of(*open) +
                                          " waits for `penstock gaps ack " + std::to_string(open->number) + "`");
}

Status SlotStart::keep(const OwnPosition& position) {
  const auto& server = session_.server();
  SourceCheckpoint now{to_string(position), server.system_identifier, server.timeline};
  if (stored_ == now) return {};
  if (auto kept = parts_.checkpoints.advance(lease_, parts_.settings.rows.source_name, stored_, now); !kept)
    return kept;
  stored_ = std::move(now);
  pass_failpoint("wal.after_store");
  return {};
}

Status SlotStart::check_begun(const Progress& start) {
  const auto place = load_slot_place(session_, parts_.settings, deadline_, stop_);
  if (!place) return fail(place.error());
  if (!*place) return fail(codes::kWalSlotLost, "slot " + parts_.settings.slot + " is gone");
  if (**place <= start.settled) return {};
  return fail(codes::kWalSlotAhead, "slot " + parts_.settings.slot +
                                        " was made anew or moved on since it was looked at: "
                                        "it stands at " +
                                        to_string(**place) + ", and everything up to " + to_string(start.settled) +
                                        " was delivered");
}

// nullopt: nothing is known from before; the slot decides what is missing.
Result<std::optional<PublishedAt>> SlotStart::look_at_publication(WalDatabase& database,
                                                                  const std::optional<Progress>& progress) {
  if (!progress || (!own_ && parts_.settings.reads_messages())) {
    if (auto provided = provide_publication(database); !provided) return fail(std::move(provided.error()));
    return std::nullopt;
  }
  if (parts_.settings.reads_messages()) return std::nullopt;
  // A ready-made slot has nothing of a table from before it was published, and doesn't say when that was.
  const bool knows_from_before = own_ && own_->published;
  PublishedAt last = knows_from_before ? *own_->published : PublishedAt{progress->settled, {}};
  if (!knows_from_before && database.publication) last.membership = database.publication->membership;
  auto found = parts_.publication.judge_opening(database, last, session_, deadline_, stop_);
  if (!found) return fail(std::move(found.error()));
  if (found->absence == PublicationWatch::Judgement::Absence::kEnded) {
    if (auto kept = keep({*progress, found->now}); !kept) return fail(std::move(kept.error()));
    say_passed();
  } else if (!own_) {
    parts_.log.info(component(), "slot " + parts_.settings.slot + " was there already, and is read from " +
                                     to_string(progress->settled) + " on; whether the table was in publication " +
                                     parts_.settings.publication + " all the time since then is not known");
  }
  if (auto acknowledged = parts_.publication.check_acknowledged(); !acknowledged)
    return fail(std::move(acknowledged.error()));
  return std::move(found->now);
}

void SlotStart::say_passed() {
  for (const SourceGaps::Recorded& record : std::exchange(passed_, {}))
    parts_.log.info(component(), words_of(record) + " is acknowledged: the source goes on behind it");
}

// Before the slot: a slot sees only what was published when it was written.
Status SlotStart::provide_publication(WalDatabase& database) {
  if (auto whole = check_left_out(database); !whole) return whole;
  if (!database.publication && !database.slot && parts_.settings.create == WalSettings::Create::kYes) {
    const std::string statement = publication_fix(database, parts_.settings);
    const auto created = make(statement, deadline_);
    if (!created)
      return fail(codes::kWalPublicationMissing, "publication " + parts_.settings.publication +
                                                     " could not be created (" + created.error().message() +
                                                     "): " + statement);
    parts_.log.info(component(), "publication " + parts_.settings.publication + " was created");
    return {};
  }
  const std::string fault = publication_fault(database, parts_.settings);
  if (fault.empty()) return {};
  return fail(codes::kWalPublicationMissing, fault + ": " + publication_fix(database, parts_.settings));
}

// What is waited for too long has a name: who holds the table, or a transaction that a new slot has to wait for.
Status SlotStart::make(const std::string& statement, Deadline deadline) {
  const outbox::LockWait wait(session_, parts_.session_settings, stop_);
  const auto made = session_.execute(statement, deadline, stop_);
  if (made) return {};
  return fail(wait.named(made.error()));
}

// In place of one that can't be read from any more. Answers where it begins.
Result<Lsn> SlotStart::make_slot(WalDatabase& database) {
  const std::string statement = create_slot_statement(parts_.settings, session_.server().version);
  if (parts_.settings.create == WalSettings::Create::kNo)
    return fail(codes::kWalSlotMissing, "there is no slot " + parts_.settings.slot + " to read from: " + statement);
  if (database.slot) {
    const auto dropped = session_.execute(drop_slot_statement(parts_.settings), deadline_, stop_);
    if (!dropped) return fail(Error(dropped.error()).with_context("dropping slot " + parts_.settings.slot));
  }
  const auto patience = parts_.slot_patience;
  const auto created = make(create_slot_patiently(statement, patience), Deadline::in(patience + kAnswerTakes));
  if (!created) {
    if (session_.failure().condition == SqlCondition::kCanceled)
      parts_.slot_patience = std::min<std::chrono::milliseconds>(patience * 2, kLongestPatience);
    return fail(Error(created.error())
                    .with_context("creating slot " + parts_.settings.slot +
                                  " (it waits for every transaction that runs; " + statement + ")"));
  }
  parts_.slot_patience = kFirstPatience;
  deadline_ = Deadline::at(std::max(deadline_.time(), Deadline::in(kAnswerTakes).time()));
  parts_.log.info(component(), "slot " + parts_.settings.slot + " was created: what was committed before is not read");
  auto again = load_wal_database(session_, parts_.settings, deadline_, stop_);
  if (!again) return fail(std::move(again.error()));
  database = *std::move(again);
  if (!database.slot || !database.slot->confirmed_flush)
    return fail(codes::kWalSlotMissing, "slot " + parts_.settings.slot + " is gone again");
  return *database.slot->confirmed_flush;
}

Result<Progress> SlotStart::begin_first(WalDatabase& database) {
  const auto made = make_slot(database);
  if (!made) return fail(made.error());
  return Progress{*made, {}};
}

// A new slot is made at once, so that the gap ends there; but nothing is delivered over it before an
// operator has acknowledged all of its records.
Result<Progress> SlotStart::pass_gap(WalDatabase& database, const LostLog& lost) {
  std::optional<Lsn> end = lost.slot_stands_at;
  if (!end) {
    auto made = make_slot(database);
    // What is missing has no end yet, so that there is nothing to acknowledge.
    if (!made && &made.error().code() == &codes::kWalSlotMissing)
      return fail(lost.why.code(), lost.why.message() + "; " + made.error().message());
    if (!made) return fail(std::move(made.error()).with_context(lost.why.message()));
    end = *made;
  }
  auto gap = find_on_record(lost, *end);
  if (!gap) return fail(std::move(gap.error()).with_context(lost.why.message()));
  if (gap->is == GapOnRecord::Is::kOpen) return fail(not_acknowledged(lost, gap->names));
  passed_ = std::move(gap->names);
  return Progress{*end, {}};
}

// Everything that is missing is on record when it returns.
Result<GapOnRecord> SlotStart::find_on_record(const LostLog& lost, Lsn end) {
  const std::string& source = parts_.settings.rows.source_name;
  const auto known = parts_.gaps.list(source, position_of(lost.from));
  if (!known) return fail(known.error());
  GapOnRecord gap = judge_gap(lost, end, *known);
  if (!gap.missing) return gap;
  const auto number = parts_.gaps.record(source, *gap.missing);
  if (!number) return fail(number.error());
  gap.names.push_back({*number, *std::move(gap.missing), SourceGaps::Recorded::Is::kOpen});
  gap.missing.reset();
  const SourceGaps::Recorded& added = gap.names.back();
  parts_.log.error(
      component(),
      Error(lost.why.code(), lost.why.message() + ": " + words_of(added) + " is on record" +
                                 (gap.names.size() > 1 ? ", behind " + words_of(gap.names[gap.names.size() - 2]) : "") +
                                 "; what was committed there may be missing, and nothing is delivered until " +
                                 "`penstock gaps ack " + std::to_string(added.number) + "`"));
  return gap;
}

Result<std::optional<Lsn>> SlotStart::find_switch_point() {
  auto session = open_beside(session_.server(), parts_.session_settings, deadline_, stop_);
  if (!session) return fail(std::move(session.error()));
  const auto history =
      (*session)->execute("TIMELINE_HISTORY " + std::to_string(session_.server().timeline), deadline_, stop_);
  if (!history) return fail(history.error());
  if (history->empty()) return std::nullopt;
  return switch_point_in(history->bytes(0, 1), stored_->timeline);
}

}  // namespace penstock::wal
