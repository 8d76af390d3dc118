#include "store/postgres/appender.h"

#include <algorithm>

#include "core/failpoint.h"
#include "store/event_tags.h"
#include "store/postgres/event_encoding.h"

namespace penstock::store::postgres {
namespace {

using namespace std::chrono_literals;

constexpr auto kStatement = 12s;  // above statement_timeout: what the server does not end, we do
constexpr auto kConnect = 5s;
constexpr auto kReconnect = 5s;  // how long a batch whose session broke waits for the database
constexpr int kAttempts = 5;
// Up to here one statement with arrays is faster than COPY with its two more round trips.
constexpr std::size_t kArrayEvents = 32;
// Each new stream takes a row in the server's lock table, which all of its sessions share.
constexpr std::size_t kNewStreams = 256;

std::string_view stream_of(const AppendRequest& request) { return request.events.front()->stream; }

std::int64_t expected_number(const ExpectedVersion& expected) {
  if (std::holds_alternative<AnyVersion>(expected)) return -2;
  if (std::holds_alternative<NoStream>(expected)) return -1;
  if (std::holds_alternative<StreamExists>(expected)) return -4;
  return std::get<Version>(expected).value;
}

std::vector<Result<AppendReceipt>> refuse_all(std::size_t count, const Error& error) {
  return std::vector<Result<AppendReceipt>>(count, fail(error));
}

Error held_back(const AppendRequest& request) {
  return Error(codes::kStoreHeldBack, "an earlier append to stream \"" + std::string(stream_of(request)) + "\" failed");
}

Error busy(const AppendRequest& request) {
  return Error(codes::kStoreBusy,
               "stream \"" + std::string(stream_of(request)) + "\" is locked by another session's transaction");
}

std::vector<EventId> ids_of(std::span<const AppendRequest* const> requests) {
  std::vector<EventId> ids;
  for (const AppendRequest* request : requests)
    for (const EventRef& event : request->events) ids.push_back(event->id);
  return ids;
}

// Whether the same transaction may be run again as it was.
bool passes_by_itself(SqlCondition condition) {
  return condition == SqlCondition::kSerialization || condition == SqlCondition::kLockTimeout;
}

}  // namespace

Appender::Appender(SessionOpener& opener, HeadSignal& head, Log& log)
    : opener_(opener), head_(head), log_(log), statements_(opener.schema()), blockers_(opener, statements_, log) {}

std::vector<Result<AppendReceipt>> Appender::append_batch(Requests requests) {
  std::vector<std::optional<Result<AppendReceipt>>> answers(requests.size());
  std::unordered_set<std::string_view> failed_streams;  // of requests that hold back others
  std::vector<std::size_t> waiting(requests.size());
  for (std::size_t i = 0; i < waiting.size(); ++i) waiting[i] = i;
  while (!waiting.empty()) {
    std::vector<const AppendRequest*> slice;
    std::vector<std::size_t> indexes;
    for (const std::size_t i : waiting) {
      const AppendRequest& request = *requests[i];
      if (request.after_failure == AfterFailure::kHoldBack && failed_streams.contains(stream_of(request))) {
        answers[i] = fail(held_back(request));
      } else {
        slice.push_back(&request);
        indexes.push_back(i);
      }
    }
    if (slice.empty()) break;
    Answers done = append_slice(slice);
    for (std::size_t n = 0; n < done.size(); ++n) {
      const AppendRequest& request = *slice[n];
      if (!done[n] && request.after_failure == AfterFailure::kHoldBack) failed_streams.insert(stream_of(request));
      answers[indexes[n]] = std::move(done[n]);
    }
    waiting.assign(indexes.begin() + static_cast<std::ptrdiff_t>(done.size()), indexes.end());
  }
  Answers all;
  all.reserve(answers.size());
  for (auto& answer : answers) all.push_back(std::move(*answer));
  return all;
}

// Answers at least the first request, and as many as went into one transaction.
Appender::Answers Appender::append_slice(Requests requests) {
  IdCheck check = IdCheck::kByIndex;
  Position head_before_doubt{-1};
  std::optional<Error> last_error;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    if (auto ready = ensure_session(); !ready) {
      if (head_before_doubt.value < 0) return refuse_all(requests.size(), ready.error());
      break;
    }
    blockers_.forget();
    Attempt done = try_requests(requests, check);
    if (done.end == Attempt::End::kAnswered) {
      // What the transaction in doubt had committed is known now, and yet was written by this call.
      if (head_before_doubt.value >= 0)
        for (auto& answer : done.answers)
          if (answer && answer->first_position > head_before_doubt) answer->origin = AppendReceipt::Origin::kWritten;
      return std::move(done.answers);
    }
    last_error = done.error;
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
    return refuse_all(requests.size(), Error(codes::kStoreInDoubt,
                                             "the connection broke during the commit, and the database can't be "
                                             "asked what became of it: " +
                                                 last_error->message()));
  return refuse_all(requests.size(), *last_error);
}

// A batch that fails on data fails for one of its requests: only that one is to blame.
Appender::Answers Appender::append_one_by_one(Requests requests) {
  Answers answers;
  for (const AppendRequest* const& request : requests) {
    if (!answers.empty() && !answers.back() && request->after_failure == AfterFailure::kHoldBack) break;
    answers.push_back(std::move(append_slice({&request, 1}).front()));
  }
  return answers;
}

Appender::Attempt Appender::try_requests(Requests requests, IdCheck check) {
  const AppendRequest& first = *requests.front();
  if (requests.size() == 1 && check == IdCheck::kByIndex && first.events.size() <= kArrayEvents)
    return try_alone(first);
  return try_batch(requests, check);
}

Appender::Attempt Appender::try_alone(const AppendRequest& request) {
  const Event& first = *request.events.front();
  std::vector<EventId> ids;
  std::vector<std::string_view> types, content_types, metadata;
  std::vector<std::optional<std::string_view>> times, data;
  std::vector<std::string> tags;
  std::vector<std::int64_t> tag_events;
  std::string time_bytes;
  time_bytes.reserve(request.events.size() * 8);
  for (const EventRef& event : request.events) {
    ids.push_back(event->id);
    types.push_back(event->type);
    content_types.push_back(event->content_type);
    metadata.push_back(event->metadata);
    data.push_back(event->data);
    for (std::string& tag : tags_of(event->metadata)) {
      tags.push_back(std::move(tag));
      tag_events.push_back(static_cast<std::int64_t>(ids.size()));
    }
    times.emplace_back();
    if (!event->occurred_at) continue;
    append_int64(time_bytes, to_postgres_time(*event->occurred_at));
    times.back() = std::string_view(time_bytes).substr(time_bytes.size() - 8);
  }
  Parameters parameters;
  parameters.int8(identity_.incarnation).text(first.stream).text(first.category);
  parameters.int8(expected_number(request.expected)).uuids(ids).texts(types).texts(content_types).texts(metadata);
  parameters.array(SqlType::kTimestamptzArray, SqlType::kTimestamptz, times);
  parameters.array(SqlType::kByteaArray, SqlType::kBytea, data);
  parameters.texts(tags).int8s(tag_events);
  pass_failpoint("store.append_before_commit");
  auto rows = session_->run(statements_.append_one, parameters, Deadline::in(kStatement), stop_.get_token());
  if (!rows) {
    Attempt attempt{Attempt::End::kRolledBack, {}, std::move(rows.error()), session_->failure()};
    if (session_->broken()) {
      attempt.end = Attempt::End::kInDoubt;
      lose_session();
    }
    return attempt;
  }
  pass_failpoint("store.append_after_commit");
  const AppendRequest* one = &request;
  if (rows->empty()) return try_batch({&one, 1}, IdCheck::kLookUp);
  const auto more = static_cast<std::int64_t>(request.events.size()) - 1;
  const Version version{rows->integer(0, 0)};
  const Position position{rows->integer(0, 1)};
  const AppendReceipt receipt{version, {version.value + more}, position, {position.value + more}};
  head_.committed(receipt.last_position);
  return answered(Answers(1, receipt));
}

Appender::Attempt Appender::try_batch(Requests requests, IdCheck check) {
  Locked locked;
  if (auto got = lock(requests, check, locked); !got) return failed(std::move(got.error()));
  const Requests taken = requests.first(locked.taken);
  std::vector<const AppendRequest*> open;
  for (const AppendRequest* request : taken)
    if (!locked.busy.contains(stream_of(*request))) open.push_back(request);

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
    if (locked.busy.contains(stream_of(*request)))
      answers.push_back(fail(busy(*request)));
    else
      answers.push_back(plan.answers[next++]);
  }
  if (plan.events.empty()) {
    if (!session_->rollback(Deadline::in(kStatement))) lose_session();
    return answered(std::move(answers));
  }
  return write(plan, locked, std::move(answers));
}

Status Appender::lock(Requests requests, IdCheck check, Locked& locked) {
  std::vector<std::string_view> names;
  std::unordered_set<std::string_view> seen;
  for (const AppendRequest* request : requests)
    if (seen.insert(stream_of(*request)).second) names.push_back(stream_of(*request));
  Parameters streams;
  streams.texts(names);
  std::vector<Call> calls = {
      {&statements_.begin, nullptr}, {&statements_.lock_head, nullptr}, {&statements_.lock_streams, &streams}};
  auto rows = session_->run_pipeline(calls, Deadline::in(kStatement), stop_.get_token());
  if (!rows) return fail(std::move(rows.error()));
  const Rows& head = (*rows)[1];
  if (head.empty()) return fail(codes::kStoreCorrupt, "the row of head is gone");
  if (head.integer(0, 1) != identity_.incarnation)
    return fail(codes::kStoreFenced, "the store was restored or promoted: its incarnation is " +
                                         std::to_string(head.integer(0, 1)) + ", this session began under " +
                                         std::to_string(identity_.incarnation));
  locked.facts.head = Position{head.integer(0, 0)};
  locked.recorded_at = head.timestamp(0, 2);
  locked.taken = requests.size();

  const Rows& known = locked.memory.emplace_back((*rows)[2]);
  for (std::size_t row = 0; row < known.size(); ++row)
    locked.facts.streams[known.bytes(row, 0)] = {std::string(known.bytes(row, 1)), Version{known.integer(row, 2)}};
  std::erase_if(names, [&](std::string_view name) { return locked.facts.streams.contains(name); });
  if (!names.empty())
    if (auto reserved = lock_new_streams(requests, std::move(names), locked); !reserved) return reserved;
  if (check == IdCheck::kLookUp) return look_up(ids_of(requests.first(locked.taken)), locked.facts, locked.memory);
  return {};
}

// Names without a row that we could lock: somebody else holds it, or there is none. Where there is none
// the advisory lock keeps others from inserting it; who can't get that lock, or finds a row after it,
// leaves the stream to whoever is at work on it.
Status Appender::lock_new_streams(Requests requests, std::vector<std::string_view> missing, Locked& locked) {
  if (missing.size() > kNewStreams) {
    const std::unordered_set<std::string_view> beyond(missing.begin() + kNewStreams, missing.end());
    const auto first_beyond = std::find_if(requests.begin(), requests.end(), [&](const AppendRequest* request) {
      return beyond.contains(stream_of(*request));
    });
    locked.taken = static_cast<std::size_t>(first_beyond - requests.begin());
    missing.resize(kNewStreams);
  }
  Parameters names;
  names.texts(missing);
  const Call calls[] = {
      {&statements_.reserve_names, &names}, {&statements_.lock_streams, &names}, {&statements_.existing_names, &names}};
  auto rows = session_->run_pipeline(calls, Deadline::in(kStatement), stop_.get_token());
  if (!rows) return fail(std::move(rows.error()));
  locked.busy.insert(missing.begin(), missing.end());
  const Rows& reserved = (*rows)[0];
  std::unordered_set<std::string_view> ours;
  for (std::size_t row = 0; row < reserved.size(); ++row)
    if (reserved.boolean(row, 1)) ours.insert(reserved.bytes(row, 0));
  const Rows& existing = (*rows)[2];
  for (std::size_t row = 0; row < existing.size(); ++row) ours.erase(existing.bytes(row, 0));
  std::erase_if(locked.busy, [&](std::string_view name) { return ours.contains(name); });
  const Rows& known = locked.memory.emplace_back((*rows)[1]);
  for (std::size_t row = 0; row < known.size(); ++row) {
    locked.busy.erase(known.bytes(row, 0));
    locked.facts.streams[known.bytes(row, 0)] = {std::string(known.bytes(row, 1)), Version{known.integer(row, 2)}};
  }
  return {};
}

Status Appender::look_up(const std::vector<EventId>& ids, AppendFacts& facts, std::vector<Rows>& memory) {
  Parameters parameters;
  parameters.uuids(ids);
  auto found = session_->run(statements_.known_ids, parameters, Deadline::in(kStatement), stop_.get_token());
  if (!found) return fail(std::move(found.error()));
  const Rows& rows = memory.emplace_back(std::move(*found));
  for (std::size_t row = 0; row < rows.size(); ++row) {
    StoredEvent stored{Version{rows.integer(row, 2)}, Position{rows.integer(row, 3)}, std::string(rows.bytes(row, 4)),
                       std::nullopt};
    if (!rows.is_null(row, 5)) stored.data = rows.bytes(row, 5);
    facts.events[{rows.uuid(row, 0), rows.bytes(row, 1)}] = std::move(stored);
  }
  return {};
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

Status Appender::ensure_session() {
  if (session_ && !session_->broken()) return {};
  const std::stop_token stop = stop_.get_token();
  const bool was_lost = !reconnect_until_.expired();
  auto opened = was_lost ? opener_.open_patiently("append", reconnect_until_, stop)
                         : opener_.open("append", Deadline::in(kConnect), stop);
  if (!opened) return fail(std::move(opened.error()));
  session_ = std::move(opened->session);
  identity_ = std::move(opened->identity);
  reconnect_until_ = Deadline::at(SteadyTime::min());
  const std::int64_t pid = session_->server().pid;
  session_->watch_slow({2s, 1s, [this, pid] { blockers_.look(pid, stop_.get_token()); }});
  return {};
}

void Appender::lose_session() {
  lost_backend_ = session_->server();
  session_.reset();
  reconnect_until_ = Deadline::in(kReconnect);
}

bool Appender::end_lost_backend() {
  const std::stop_token stop = stop_.get_token();
  const Deadline deadline = Deadline::in(kReconnect);
  auto opened = opener_.open_patiently("resolve", deadline, stop);
  if (!opened) return false;
  Session& session = *opened->session;
  const ServerFacts& server = session.server();
  // After a failover the lost backend is on a server whose timeline has ended.
  if (server.system_identifier != lost_backend_.system_identifier || server.timeline != lost_backend_.timeline)
    return true;
  Parameters backend;
  backend.int8(lost_backend_.pid).text(lost_backend_.backend_start);
  if (!session.run(statements_.end_backend, backend, deadline, stop)) return false;
  while (!deadline.expired() && !stop.stop_requested()) {
    auto alive = session.run(statements_.find_backend, backend, deadline, stop);
    if (!alive) return false;
    if (alive->empty()) {
      log_.info("store", "a commit whose connection broke was resolved", {{"pid", std::to_string(lost_backend_.pid)}});
      return true;
    }
    // Nothing is listened to: this is a pause that a stop ends.
    if (!session.wait_notified(Deadline::in(10ms), stop)) return false;
  }
  return false;
}

}  // namespace penstock::store::postgres
