#include "store/postgres/appender.h"

#include <algorithm>

#include "core/failpoint.h"
#include "store/event_tags.h"
#include "store/postgres/event_encoding.h"
#include "store/postgres/lone_append.h"

namespace penstock::store::postgres {
namespace {

constexpr int kAttempts = 5;

std::string_view stream_of(const AppendRequest& request) { return request.events.front()->stream; }

std::vector<Result<AppendReceipt>> refuse_all(std::size_t count, const Error& error) {
  return std::vector<Result<AppendReceipt>>(count, fail(error));
}

Error held_back(const AppendRequest& request) {
  return Error(codes::kStoreHeldBack, "an earlier append to stream \"" + std::string(stream_of(request)) + "\" failed");
}

Error stream_locked(const AppendRequest& request) {
  return Error(codes::kStoreStreamLocked,
               "stream \"" + std::string(stream_of(request)) + "\" is locked by another session's transaction");
}

Error log_changed() {
  return Error(codes::kStoreFenced, "the store was promoted or restored since its caller compared the log");
}

bool is_stream_locked(const Result<AppendReceipt>& answer) {
  return !answer && &answer.error().code() == &codes::kStoreStreamLocked;
}

// Whether the same transaction may be run again as it was.
bool passes_by_itself(SqlCondition condition) {
  return condition == SqlCondition::kSerialization || condition == SqlCondition::kLockTimeout;
}

}  // namespace

Appender::Appender(SessionOpener& opener, HeadSignal& head, EventTail::IdAt id_at, Gaps& gaps, Log& log)
    : opener_(opener),
      head_(head),
      id_at_(std::move(id_at)),
      gaps_(gaps),
      log_(log),
      statements_(opener.schema()),
      matches_(opener.schema()),
      blockers_(opener, statements_, log) {}

std::vector<Result<AppendReceipt>> Appender::append_batch(Requests requests) {
  if (requests.empty()) {
    note_sweep_outcome(try_slice(requests));
    return {};
  }
  std::vector<std::optional<Result<AppendReceipt>>> answers(requests.size());
  std::unordered_set<std::string_view> failed_streams;  // of requests that hold back others
  std::unordered_set<std::string_view> locked_streams;  // nothing overtakes what waits for them
  std::vector<std::size_t> waiting(requests.size());
  for (std::size_t i = 0; i < waiting.size(); ++i) waiting[i] = i;
  while (!waiting.empty()) {
    std::vector<const AppendRequest*> slice;
    std::vector<std::size_t> indexes;
    for (const std::size_t i : waiting) {
      const AppendRequest& request = *requests[i];
      if (request.after_failure == AfterFailure::kHoldBack && names_one_of(request, failed_streams)) {
        answers[i] = fail(held_back(request));
      } else if (names_one_of(request, locked_streams)) {
        answers[i] = fail(stream_locked(request));
      } else {
        slice.push_back(&request);
        indexes.push_back(i);
      }
    }
    if (slice.empty()) break;
    Answers done = append_slice(slice);
    for (std::size_t n = 0; n < done.size(); ++n) {
      const AppendRequest& request = *slice[n];
      remember(request, done[n]);
      if (is_stream_locked(done[n]))
        insert_streams(locked_streams, request);
      else if (!done[n] && request.after_failure == AfterFailure::kHoldBack)
        insert_streams(failed_streams, request);
      answers[indexes[n]] = std::move(done[n]);
    }
    waiting.assign(indexes.begin() + static_cast<std::ptrdiff_t>(done.size()), indexes.end());
  }
  Answers all;
  all.reserve(answers.size());
  for (auto& answer : answers) all.push_back(std::move(*answer));
  return all;
}

void Appender::remember(const AppendRequest& request, const Result<AppendReceipt>& answer) {
  if (request.generation || !answer) return;
  // A retry that is known may lie apart, between events of others.
  const auto last = static_cast<std::int64_t>(request.events.size()) - 1;
  if (answer->last_position.value - answer->first_position.value != last) return;
  Position position = answer->first_position;
  for (const EventRef& event : request.events) {
    acknowledged_.add(position, event->id);
    position = position.next();
  }
}

bool Appender::is_outdated(const AppendRequest& request) const {
  return request.generation && *request.generation != generation_;
}

// A sweep that nobody waits for is reported here: once when it fails, once when it works again.
void Appender::note_sweep_outcome(const Result<Answers>& swept) {
  if (!swept && sweeping_ == Sweeping::kWorks)
    log_.write(LogLevel::kWarn, "store", swept.error().code().name,
               "appends by SQL get no position for now: " + swept.error().message(), {});
  if (swept && sweeping_ == Sweeping::kFails) log_.info("store", "appends by SQL get positions again");
  sweeping_ = swept ? Sweeping::kWorks : Sweeping::kFails;
}

Appender::Answers Appender::append_slice(Requests requests) {
  auto done = try_slice(requests);
  return done ? std::move(*done) : refuse_all(requests.size(), done.error());
}

// Answers at least the first request if there is one, and as many as went into one transaction.
Result<Appender::Answers> Appender::try_slice(Requests requests) {
  looked_ahead_.clear();
  IdCheck check = IdCheck::kByIndex;
  Position head_before_doubt{-1};
  std::optional<Error> last_error;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    if (auto ready = ensure_session(); !ready) {
      if (head_before_doubt.value < 0) return fail(std::move(ready.error()));
      break;
    }
    blockers_.forget();
    const auto outdated = std::find_if(requests.begin(), requests.end(),
                                       [this](const AppendRequest* request) { return is_outdated(*request); });
    if (outdated != requests.end()) {
      if (outdated == requests.begin()) return Answers(1, fail(log_changed()));
      requests = requests.first(static_cast<std::size_t>(outdated - requests.begin()));
    }
    Attempt done = try_requests(requests, check, head_before_doubt.value < 0 ? Before::kNothing : Before::kDoubt);
    if (done.end == Attempt::End::kAnswered) {
      // What the transaction in doubt had committed is known now, and yet was written by this call.
      if (head_before_doubt.value >= 0)
        for (auto& answer : done.answers)
          if (answer && answer->first_position > head_before_doubt) answer->origin = AppendReceipt::Origin::kWritten;
      return std::move(done.answers);
    }
    if (done.end == Attempt::End::kSwept) {
      --attempt;
      continue;
    }
    last_error = done.error;
    if (done.end == Attempt::End::kHereAlone)
      return fail(codes::kStoreInDoubt,
                  "what of it was committed is on this server, and no synchronous standby confirms it: " +
                      last_error->message());
    const SqlCondition condition = done.failure.condition;
    if (done.end == Attempt::End::kInDoubt) {
      if (head_before_doubt.value < 0) head_before_doubt = head_.known();
      if (!end_lost_backend()) break;
      check = IdCheck::kLookUp;
    } else if (condition == SqlCondition::kUniqueViolation && done.failure.constraint == "events_id_stream" &&
               check == IdCheck::kByIndex) {
      check = IdCheck::kLookUp;
    } else if (condition == SqlCondition::kData && requests.size() > 1) {
      return append_one_by_one(requests);
    } else if (!passes_by_itself(condition) && !(session_ == nullptr && condition == SqlCondition::kConnectionLost)) {
      break;
    }
  }
  if (head_before_doubt.value >= 0)
    return fail(codes::kStoreInDoubt,
                "the connection broke during the commit, and the database can't be asked what became of it: " +
                    last_error->message());
  return fail(std::move(*last_error));
}

// A batch that fails on data fails for one of its requests: only that one is to blame.
Appender::Answers Appender::append_one_by_one(Requests requests) {
  Answers answers;
  for (const AppendRequest* const& request : requests) {
    if (!answers.empty() && !answers.back() && request->after_failure == AfterFailure::kHoldBack) break;
    if (!answers.empty() && is_stream_locked(answers.back())) break;
    answers.push_back(std::move(append_slice({&request, 1}).front()));
  }
  return answers;
}

Appender::Attempt Appender::try_requests(Requests requests, IdCheck check, Before before) {
  if (requests.size() == 1 && check == IdCheck::kByIndex && is_plain(*requests.front()))
    return try_alone(*requests.front());
  return try_batch(requests, check, before);
}

Appender::Attempt Appender::try_alone(const AppendRequest& request) {
  const LoneAppend append = lone_append(request, identity_.incarnation, statements_);
  pass_failpoint("store.append_before_commit");
  auto rows = session_->run(append.statement, append.parameters, Deadline::in(kStatement), stop_.get_token());
  if (!rows) {
    Attempt attempt{Attempt::End::kRolledBack, {}, std::move(rows.error()), session_->failure()};
    if (attempt.failure.condition == SqlCondition::kCanceled) return sweep_backlog(std::move(attempt));
    if (session_->broken()) {
      attempt.end = Attempt::End::kInDoubt;
      lose_session();
    }
    return attempt;
  }
  pass_failpoint("store.append_after_commit");
  const AppendRequest* one = &request;
  if (rows->empty()) return try_batch({&one, 1}, IdCheck::kLookUp, Before::kNothing);
  const auto more = static_cast<std::int64_t>(request.events.size()) - 1;
  const Version version{rows->integer(0, 0)};
  const Position position{rows->integer(0, 1)};
  const AppendReceipt receipt{version, {version.value + more}, position, {position.value + more}};
  head_.committed(receipt.last_position);
  return answered(Answers(1, receipt));
}

Appender::Attempt Appender::try_batch(Requests requests, IdCheck check, Before before) {
  if (auto looked = look_ahead(requests); !looked) return failed(std::move(looked.error()));
  Locked locked;
  if (auto got = lock(requests, check, locked); !got) {
    Attempt attempt = failed(std::move(got.error()));
    const bool took_too_long = attempt.failure.condition == SqlCondition::kCanceled && session_ != nullptr;
    return took_too_long ? sweep_backlog(std::move(attempt)) : attempt;
  }
  if (locked.inbox >= Locked::Inbox::kMoreRows) return sweep_on(locked);
  const Requests taken = requests.first(locked.taken);
  std::vector<const AppendRequest*> open;
  for (const AppendRequest* request : taken) {
    if (names_one_of(*request, locked.busy))
      insert_streams(locked.busy, *request);
    else
      open.push_back(request);
  }
  if (auto looked = look_for_violations(open, locked.facts); !looked) return failed(std::move(looked.error()));

  AppendPlan plan = plan_appends(open, locked.facts);
  if (check == IdCheck::kByIndex) {
    // A request that seems to fail may be a retry of one that did not.
    std::vector<const AppendRequest*> doubtful;
    for (std::size_t i = 0; i < open.size(); ++i)
      if (!plan.answers[i]) doubtful.push_back(open[i]);
    if (!doubtful.empty()) {
      if (auto looked = look_up(ids_of(doubtful), locked.facts, locked.memory); !looked)
        return failed(std::move(looked.error()));
      plan = plan_appends(open, locked.facts);
    }
  }

  Answers answers;
  std::size_t next = 0;
  for (const AppendRequest* request : taken) {
    const bool was_open = next < open.size() && open[next] == request;
    if (was_open)
      answers.push_back(plan.answers[next++]);
    else
      answers.push_back(fail(stream_locked(*request)));
  }
  if (plan.events.empty()) return finish_without_events(locked, before, std::move(answers));
  return write(plan, locked, std::move(answers));
}

Appender::Attempt Appender::finish_without_events(const Locked& locked, Before before, Answers answers) {
  if (locked.inbox != Locked::Inbox::kSwept && before == Before::kNothing) {
    if (!session_->rollback(Deadline::in(kStatement))) lose_session();
    return answered(std::move(answers));
  }
  if (before == Before::kDoubt) {
    // Only a transaction that writes waits for a standby.
    Parameters head;
    head.int8(locked.facts.head.value).timestamptz(locked.recorded_at).int8(0);
    auto written = session_->run(statements_.update_head, head, Deadline::in(kStatement), stop_.get_token());
    if (!written) return failed(std::move(written.error()));
  }
  if (auto committed = commit(); !committed) {
    Attempt attempt = failed(std::move(committed.error()));
    if (session_ == nullptr && before == Before::kDoubt) attempt.end = Attempt::End::kHereAlone;
    return attempt;
  }
  head_.committed(locked.facts.head);
  return answered(std::move(answers));
}

Appender::Attempt Appender::write(const AppendPlan& plan, const Locked& locked, Answers answers) {
  std::vector<std::string_view> known, added, categories;
  std::vector<std::int64_t> known_versions, added_versions;
  for (const PlannedStream& stream : plan.streams) {
    const bool is_new = stream.was == PlannedStream::Was::kNew;
    (is_new ? added : known).push_back(stream.name);
    (is_new ? added_versions : known_versions).push_back(stream.last_version.value);
    if (is_new) categories.push_back(stream.category);
  }
  std::vector<std::string> tags;
  std::vector<std::int64_t> tagged;
  for (const PlannedEvent& planned : plan.events) {
    for (std::string& tag : tags_of(planned.event->metadata)) {
      tags.push_back(std::move(tag));
      tagged.push_back(planned.position.value);
    }
  }
  Parameters events, tag_rows, updates, inserts, head;
  tag_rows.texts(tags).int8s(tagged);
  updates.texts(known).int8s(known_versions);
  inserts.texts(added).texts(categories).int8s(added_versions);
  head.int8(plan.head.value).timestamptz(locked.recorded_at).int8(static_cast<std::int64_t>(added.size()));

  std::vector<Call> calls;
  if (plan.events.size() <= kArrayEvents) {
    add_event_arrays(plan.events, locked.recorded_at, events);
    calls.push_back({&statements_.insert_events, &events});
  } else {
    CopyEncoder encoder(plan.events, locked.recorded_at, copy_data_);
    auto copied = session_->copy_in(
        statements_.copy_events, [&] { return encoder.next_chunk(); }, Deadline::in(kStatement), stop_.get_token());
    if (!copied) return failed(std::move(copied.error()));
  }
  if (!tags.empty()) calls.push_back({&statements_.insert_tags, &tag_rows});
  if (!known.empty()) calls.push_back({&statements_.update_streams, &updates});
  if (!added.empty()) calls.push_back({&statements_.insert_streams, &inserts});
  calls.push_back({&statements_.update_head, &head});
  calls.push_back({&statements_.unlimited, nullptr});
  calls.push_back({&statements_.commit, nullptr});
  pass_failpoint("store.append_before_commit");
  auto committed = session_->run_pipeline(calls, Deadline::in(kStatement), stop_.get_token());
  if (!committed) {
    Attempt attempt = failed(std::move(committed.error()));
    if (session_ == nullptr) attempt.end = Attempt::End::kInDoubt;
    return attempt;
  }
  pass_failpoint("store.append_after_commit");
  head_.committed(plan.head);
  return answered(std::move(answers));
}

Appender::Attempt Appender::failed(Error error) {
  Attempt attempt{Attempt::End::kRolledBack, {}, std::move(error), session_->failure()};
  const bool fenced = attempt.error->kind() == ErrorKind::kFenced;
  if (session_->broken() || fenced || !session_->rollback(Deadline::in(kStatement))) lose_session();
  if (attempt.failure.sqlstate.empty() && (fenced || attempt.error->code().name == codes::kStoreCorrupt.name))
    attempt.failure.condition = SqlCondition::kDefect;  // no statement failed: what it said is wrong
  return attempt;
}

}  // namespace penstock::store::postgres
