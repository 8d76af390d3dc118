// What an append transaction learns under its locks, and the sweep of the inbox.
#include <algorithm>

#include "core/failpoint.h"
#include "store/postgres/appender.h"
#include "store/postgres/liveness_watch.h"
#include "store/retention.h"
#include "store/store_faults.h"

namespace penstock::store::postgres {
namespace {

// Each new stream takes a row in the server's lock table, which all of its sessions share.
constexpr std::size_t kNewStreams = 256;
// What a sweep moves at once, unless a single transaction has more: it bounds how long the head is held.
constexpr std::int64_t kSweptRows = 10'000;
constexpr auto kLargeSweep = std::chrono::hours(1);  // of one transaction with more rows than that
// To find a sweep's part takes a look at all that waits, so a backlog that takes long to look at is moved in large
// parts.
constexpr std::int64_t kBacklogRows = 50'000;

// A row of lock_streams.
StoredStream stored_stream(const Rows& rows, std::size_t row) {
  return {std::string(rows.bytes(row, 1)), Version{rows.integer(row, 2)}, parse_stream_state(rows.bytes(row, 3)),
          Version{rows.integer(row, 4)}};
}

}  // namespace

bool Appender::names_one_of(const AppendRequest& request, const std::unordered_set<std::string_view>& streams) {
  if (streams.empty()) return false;
  const auto names = request.streams();
  return std::any_of(names.begin(), names.end(), [&](std::string_view name) { return streams.contains(name); });
}

void Appender::insert_streams(std::unordered_set<std::string_view>& streams, const AppendRequest& request) {
  const auto names = request.streams();
  streams.insert(names.begin(), names.end());
}

std::vector<EventId> Appender::ids_of(std::span<const AppendRequest* const> requests) {
  std::vector<EventId> ids;
  for (const AppendRequest* request : requests)
    for (const EventRef& event : request->events) ids.push_back(event->id);
  return ids;
}

Status Appender::lock(Requests requests, IdCheck check, Locked& locked) {
  std::vector<std::string_view> names;
  std::unordered_set<std::string_view> seen;
  for (const AppendRequest* request : requests)
    for (const std::string_view name : request->streams())
      if (seen.insert(name).second) names.push_back(name);
  Parameters streams, most;
  streams.texts(names);
  most.int8(kSweptRows);
  const Call calls[] = {{&statements_.begin, nullptr},
                        {&statements_.lock_head, nullptr},
                        {&statements_.lock_streams, &streams},
                        {&statements_.sweep, &most}};
  auto rows = session_->run_pipeline(calls, Deadline::in(kStatement), stop_.get_token());
  if (!rows) return fail(std::move(rows.error()));
  const Rows& head = (*rows)[1];
  if (auto checked = check_head(head); !checked) return checked;
  locked.facts.head = Position{head.integer(0, 0)};
  locked.recorded_at = head.timestamp(0, 2);
  locked.taken = requests.size();
  note_sweep((*rows)[3], locked);
  if (locked.inbox >= Locked::Inbox::kMoreRows) return {};

  const Rows& known = locked.memory.emplace_back((*rows)[2]);
  for (std::size_t row = 0; row < known.size(); ++row)
    locked.facts.streams[known.bytes(row, 0)] = stored_stream(known, row);
  std::erase_if(names, [&](std::string_view name) { return locked.facts.streams.contains(name); });
  if (!names.empty())
    if (auto reserved = lock_new_streams(requests, std::move(names), locked); !reserved) return reserved;
  if (check == IdCheck::kLookUp) return look_up(ids_of(requests.first(locked.taken)), locked.facts, locked.memory);
  return {};
}

Status Appender::check_head(const Rows& head) const {
  if (head.empty()) return fail(row_of_head_gone());
  if (head.integer(0, 1) == identity_.incarnation) return {};
  return fail(codes::kStoreFenced, "the store was restored or promoted: its incarnation is " +
                                       std::to_string(head.integer(0, 1)) + ", this session began under " +
                                       std::to_string(identity_.incarnation));
}

void Appender::note_sweep(const Rows& swept, Locked& locked) {
  if (swept.empty()) return;
  locked.facts.head = Position{swept.integer(0, 1)};
  locked.recorded_at = std::max(locked.recorded_at, swept.timestamp(0, 2));
  const bool remain = swept.boolean(0, 3);
  locked.inbox = Locked::Inbox::kSwept;
  if (remain) locked.inbox = swept.integer(0, 0) > 0 ? Locked::Inbox::kMoreRows : Locked::Inbox::kLargeTransaction;
}

Appender::Attempt Appender::sweep_on(Locked& locked) {
  if (locked.inbox == Locked::Inbox::kLargeTransaction) {
    Parameters most;
    most.int8(kSweptRows);
    const Call calls[] = {{&statements_.unlimited, nullptr}, {&statements_.sweep_whole, &most}};
    const LivenessWatch alive(opener_, stop_.get_token());
    auto swept = session_->run_pipeline(calls, Deadline::in(kLargeSweep), alive.token());
    if (!swept) return failed(std::move(swept.error()));
    note_sweep((*swept)[1], locked);
  }
  if (auto committed = commit(); !committed) return failed(std::move(committed.error()));
  head_.committed(locked.facts.head);
  return {Attempt::End::kSwept, {}, std::nullopt, {}};
}

Appender::Attempt Appender::sweep_backlog(Attempt canceled) {
  Parameters most;
  most.int8(kBacklogRows);
  const Call calls[] = {{&statements_.begin, nullptr},
                        {&statements_.unlimited, nullptr},
                        {&statements_.lock_head, nullptr},
                        {&statements_.sweep, &most}};
  const LivenessWatch alive(opener_, stop_.get_token());
  auto rows = session_->run_pipeline(calls, Deadline::in(kLargeSweep), alive.token());
  if (!rows) return failed(std::move(rows.error()));
  if (auto checked = check_head((*rows)[2]); !checked) return failed(std::move(checked.error()));
  const Rows& swept = (*rows)[3];
  if (swept.empty() && !session_->rollback(Deadline::in(kStatement))) lose_session();
  if (swept.empty()) return canceled;
  Locked locked;
  note_sweep(swept, locked);
  return sweep_on(locked);
}

Status Appender::commit() {
  const Call calls[] = {{&statements_.unlimited, nullptr}, {&statements_.commit, nullptr}};
  pass_failpoint("store.append_before_commit");
  auto committed = session_->run_pipeline(calls, Deadline::in(kStatement), stop_.get_token());
  if (!committed) return fail(std::move(committed.error()));
  pass_failpoint("store.append_after_commit");
  return {};
}

// Names without a row that we could lock: somebody else holds it, or there is none. Where there is none
// the advisory lock keeps others from inserting it; who can't get that lock, or finds a row after it,
// leaves the stream to whoever is at work on it.
Status Appender::lock_new_streams(Requests requests, std::vector<std::string_view> missing, Locked& locked) {
  if (missing.size() > kNewStreams) {
    const std::unordered_set<std::string_view> beyond(missing.begin() + kNewStreams, missing.end());
    const auto first_beyond = std::find_if(
        requests.begin(), requests.end(), [&](const AppendRequest* request) { return names_one_of(*request, beyond); });
    locked.taken = static_cast<std::size_t>(first_beyond - requests.begin());
    missing.resize(kNewStreams);
  }
  Parameters names, most;
  names.texts(missing);
  most.int8(kSweptRows);
  // Swept once more: a stream that appeared just now may have its first events in the inbox.
  const Call calls[] = {{&statements_.reserve_names, &names},
                        {&statements_.lock_streams, &names},
                        {&statements_.existing_names, &names},
                        {&statements_.sweep, &most}};
  auto rows = session_->run_pipeline(calls, Deadline::in(kStatement), stop_.get_token());
  if (!rows) return fail(std::move(rows.error()));
  note_sweep((*rows)[3], locked);
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
    locked.facts.streams[known.bytes(row, 0)] = stored_stream(known, row);
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

}  // namespace penstock::store::postgres
