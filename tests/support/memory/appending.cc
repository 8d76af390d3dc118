#include <algorithm>
#include <iterator>

#include "tests/support/memory/parts.h"

namespace penstock::tests {
namespace {

using store::AppendDone;
using store::AppendReceipt;
using store::AppendRequest;

}  // namespace

store::AppendFacts MemoryParts::facts_about(const MemoryDatabase& db, std::span<const AppendRequest* const> requests) {
  store::AppendFacts facts{.head = Position{static_cast<std::int64_t>(db.log_.size())}};
  for (const AppendRequest* request : requests) {
    for (const std::string_view name : request->streams()) {
      const auto stream = db.streams_.find(name);
      if (stream == db.streams_.end()) continue;
      const auto last = static_cast<std::int64_t>(stream->second.positions.size()) - 1;
      facts.streams[name] = {stream->second.category, Version{last}, stream->second.state,
                             stream->second.truncate_before};
    }
    for (const EventRef& event : request->events) {
      const auto found = db.ids_.find({event->id, std::string(event->stream)});
      if (found == db.ids_.end()) continue;
      const Event& stored = *db.log_[index_of(found->second)];
      facts.events[{event->id, event->stream}] = {
          *stored.version, *stored.position, std::string(stored.type),
          stored.data ? std::optional(std::string(*stored.data)) : std::nullopt};
    }
    if (!request->condition) continue;
    for (auto at = static_cast<std::size_t>(request->condition->after.value); at < db.log_.size(); ++at) {
      if (!request->condition->query.matches(*db.log_[at])) continue;
      facts.violations.emplace(request, *db.log_[at]->position);
      break;
    }
  }
  return facts;
}

void MemoryParts::apply(MemoryDatabase& db, const store::AppendPlan& plan) {
  const Timestamp last = db.log_.empty() ? Timestamp{} : db.log_.back()->recorded_at.value_or(Timestamp{});
  const Timestamp recorded_at = std::max(db.clock_.wall_now(), last);
  for (const store::PlannedEvent& planned : plan.events) {
    Event event = *planned.event;
    event.version = planned.version;
    event.position = planned.position;
    event.recorded_at = recorded_at;
    if (!event.occurred_at) event.occurred_at = recorded_at;
    event.key = key_of(event.stream, event.category);
    event.source_position = {};
    db.log_.push_back(make_event(event));
    auto& stream = db.streams_[std::string(event.stream)];
    stream.category = event.category;
    stream.state = store::StreamState::kLive;
    stream.positions.push_back(planned.position);
    db.ids_[{event.id, std::string(event.stream)}] = planned.position;
  }
}

std::vector<Result<AppendReceipt>> MemoryParts::Appender::append_batch(std::span<const AppendRequest* const> requests) {
  const auto refuse_all = [&](const Error& error) {
    return std::vector<Result<AppendReceipt>>(requests.size(), fail(error));
  };
  if (auto ready = parts.before(StoreCall::kAppend); !ready) return refuse_all(ready.error());
  store::AppendPlan plan;
  std::vector<const AppendRequest*> current;
  const auto is_outdated = [generation = parts.log.generation()](const AppendRequest* request) {
    return request->generation && *request->generation != generation;
  };
  std::remove_copy_if(requests.begin(), requests.end(), std::back_inserter(current), is_outdated);
  {
    std::lock_guard lock(parts.database->mutex_);
    plan = store::plan_appends(current, facts_about(*parts.database, current));
    apply(*parts.database, plan);
  }
  parts.database->changed_.notify_all();
  if (auto done = parts.after(StoreCall::kAppend); !done) return refuse_all(done.error());
  std::vector<Result<AppendReceipt>> answers;
  for (auto next = plan.answers.begin(); const AppendRequest* request : requests)
    answers.push_back(is_outdated(request) ? fail(codes::kStoreFenced, "another log") : std::move(*next++));
  return answers;
}

void MemoryParts::Events::append(AppendRequest request, Deadline deadline, AppendDone done) {
  std::vector<AppendRequest> requests;
  requests.push_back(std::move(request));
  append_many(std::move(requests), deadline,
              [done = std::move(done)](std::size_t, Result<AppendReceipt> answer) { done(std::move(answer)); });
}

void MemoryParts::Events::append_many(std::vector<AppendRequest> requests, Deadline deadline,
                                      store::AppendQueue::Done done) {
  if (parts.queue != nullptr) {
    parts.queue->push(std::move(requests), deadline, std::move(done));
    return;
  }
  enum class Tail { kTried, kHeldBack } tail = Tail::kTried;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const bool hold_back = requests[i].after_failure == store::AfterFailure::kHoldBack;
    auto answer = hold_back && tail == Tail::kHeldBack ? fail(codes::kStoreHeldBack, "an earlier append failed")
                                                       : parts.append_now(requests[i], deadline);
    if (hold_back && !answer) tail = Tail::kHeldBack;
    done(i, std::move(answer));
  }
}

Result<AppendReceipt> MemoryParts::append_now(const AppendRequest& request, Deadline deadline) {
  if (auto checked = check_append(request, limits); !checked) return fail(std::move(checked.error()));
  if (deadline.expired()) return fail(codes::kTimeout, "the append came after its deadline");
  const AppendRequest* one = &request;
  return std::move(appender.append_batch({&one, 1}).front());
}

}  // namespace penstock::tests
