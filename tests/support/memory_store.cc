#include "tests/support/memory_store.h"

#include <algorithm>

#include "store/append_rules.h"

namespace penstock::tests {
namespace {

using store::AppendDone;
using store::AppendReceipt;
using store::AppendRequest;
using store::Checkpoint;
using store::LogPage;
using store::ParkedEvent;
using store::ReadLimit;
using store::StreamPage;

// Events of a page share the memory of the stored ones.
class PageBuilder {
 public:
  explicit PageBuilder(const ReadLimit& limit) : limit_(limit) {}

  bool has_room_for(const Event& event) const {
    return builder_.size() == 0 || (builder_.size() < limit_.events && bytes_ + event.size_bytes() <= limit_.bytes);
  }
  void add(const EventRef& event) {
    bytes_ += event->size_bytes();
    builder_.adopt(event);
    builder_.add(*event);
  }
  std::shared_ptr<const EventBatch> finish() && { return std::move(builder_).finish(); }

 private:
  const ReadLimit limit_;
  EventBatchBuilder builder_;
  std::size_t bytes_ = 0;
};

bool is_stub(const Event& event) { return event.type.empty(); }

std::size_t index_of(Position position) { return static_cast<std::size_t>(position.value - 1); }

}  // namespace

// What all contracts of one MemoryStore share.
struct MemoryParts {
  struct Appender final : store::BatchAppender {
    explicit Appender(MemoryParts& parts_in) : parts(parts_in) {}
    std::vector<Result<AppendReceipt>> append_batch(std::span<const AppendRequest* const> requests) override;
    MemoryParts& parts;
  };
  struct Events final : store::EventStore {
    explicit Events(MemoryParts& parts_in) : parts(parts_in) {}
    void append(AppendRequest request, Deadline deadline, AppendDone done) override;
    void append_many(std::vector<AppendRequest> requests, Deadline deadline, store::AppendQueue::Done done) override;
    Result<StreamPage> read_stream(std::string_view stream, std::optional<Version> from, store::Direction direction,
                                   ReadLimit limit) override;
    Result<std::shared_ptr<const EventBatch>> find(const EventId& id) override;
    Result<EventRef> find_in(std::string_view stream, const EventId& id) override;
    Result<std::vector<store::StreamSummary>> streams(const store::StreamQuery& query) override;
    Result<store::StoreCounts> counts() override;
    Result<std::vector<store::KindCount>> kinds() override;
    MemoryParts& parts;
  };
  struct Log final : store::EventLog {
    explicit Log(MemoryParts& parts_in) : parts(parts_in) {}
    Result<LogPage> read_after(Position after, ReadLimit limit, const store::LogFilter& filter) override;
    Result<LogPage> read_before(Position before, ReadLimit limit, const store::LogFilter& filter) override;
    Result<std::optional<Position>> first_since(Timestamp time) override;
    Result<std::optional<Position>> last_before(Timestamp time) override;
    Result<std::optional<EventId>> event_id_at(Position position) override;
    std::uint64_t generation() override;
    Result<Position> head() override;
    Result<Position> wait_beyond(Position position, Deadline deadline, std::stop_token stop) override;
    MemoryParts& parts;
  };
  struct Checkpoints final : store::Checkpoints {
    explicit Checkpoints(MemoryParts& parts_in) : parts(parts_in) {}
    Result<std::optional<Checkpoint>> load(std::string_view route) override;
    Result<Checkpoint> create(const Lease& lease, std::string_view route, Position start) override;
    Status advance(const Lease& lease, std::string_view route, Position from, const store::Settled& to) override;
    Status rename(const Lease& lease, std::string_view old_route, std::string_view route) override;
    Result<std::vector<std::pair<std::string, Checkpoint>>> list() override;
    MemoryParts& parts;
  };
  struct OfSources final : SourceCheckpoints {
    explicit OfSources(MemoryParts& parts_in) : parts(parts_in) {}
    Result<std::optional<SourceCheckpoint>> load(std::string_view source) override;
    Status advance(const Lease& lease, std::string_view source, const std::optional<SourceCheckpoint>& from,
                   const SourceCheckpoint& to) override;
    MemoryParts& parts;
  };
  struct Leases final : store::Leases {
    explicit Leases(MemoryParts& parts_in) : parts(parts_in) {}
    Result<Lease> take(std::string_view name, std::string_view owner) override;
    Status renew(const Lease& lease) override;
    Status release(const Lease& lease) override;
    MemoryParts& parts;
  };
  struct Parked final : store::ParkedEvents {
    explicit Parked(MemoryParts& parts_in) : parts(parts_in) {}
    Status park(const std::vector<ParkedEvent>& rows) override;
    Result<std::vector<ParkedEvent>> list(std::string_view route, std::int64_t after, std::size_t limit) override;
    Result<std::optional<ParkedEvent>> find(std::int64_t number) override;
    Result<std::vector<std::string>> kept_by_reference(std::string_view route, std::string_view source) override;
    Result<std::uint64_t> count(std::string_view route) override;
    MemoryParts& parts;
  };
  struct States final : store::RouteStates {
    explicit States(MemoryParts& parts_in) : parts(parts_in) {}
    Status report(const std::vector<store::RouteState>& states) override;
    Result<std::vector<store::RouteState>> list() override;
    MemoryParts& parts;
  };

  struct Gaps final : store::Gaps {
    explicit Gaps(MemoryParts& parts_in) : parts(parts_in) {}
    Result<std::int64_t> record(const store::GapRecord& gap) override;
    Result<std::vector<store::GapRecord>> list(std::int64_t after, std::size_t limit) override;
    Result<std::optional<store::GapRecord>> find(std::int64_t number) override;
    Result<std::optional<store::GapRecord>> find_open(std::string_view route) override;
    Status acknowledge(std::int64_t number, std::string_view by) override;
    MemoryParts& parts;
  };
  struct Retention final : store::Retention {
    explicit Retention(MemoryParts& parts_in) : parts(parts_in) {}
    Result<std::optional<store::StreamRetention>> find(std::string_view stream) override;
    Status remove(std::string_view stream, store::Removal removal, const store::ExpectedVersion& expected) override;
    Status truncate(std::string_view stream, Version before) override;
    Status set_limits(std::string_view stream, const store::StreamLimits& limits) override;
    Result<store::Scavenged> scavenge(std::size_t most) override;
    template <typename Judge>
    Status change(std::string_view stream, Judge judge);
    MemoryParts& parts;
  };

  MemoryParts(std::shared_ptr<MemoryDatabase> database_in, const store::AppendLimits& limits_in)
      : database(std::move(database_in)), limits(limits_in) {}

  Status before(StoreCall call);
  Status after(StoreCall call);
  // before, `effect` under the database's lock, after.
  template <typename Effect>
  std::invoke_result_t<Effect, MemoryDatabase&> perform(StoreCall call, Effect effect) {
    if (auto ready = before(call); !ready) return fail(std::move(ready.error()));
    auto answer = [&] {
      std::lock_guard lock(database->mutex_);
      return effect(*database);
    }();
    if (auto done = after(call); !done) return fail(std::move(done.error()));
    return answer;
  }

  Result<AppendReceipt> append_now(const AppendRequest& request, Deadline deadline);

  // The next are called under the database's lock.
  static Status check_lease(const MemoryDatabase& db, const Lease& lease);
  static std::optional<store::StreamRetention> retention_of(const MemoryDatabase& db, std::string_view stream);
  // Whether a reader of its stream still gets the event.
  static bool is_readable(const MemoryDatabase& db, const store::StreamRetention& retention, const Event& event);
  static Result<Checkpoint> checkpoint_at(const MemoryDatabase& db, Position position);
  static store::AppendFacts facts_about(const MemoryDatabase& db, std::span<const AppendRequest* const> requests);
  static void apply(MemoryDatabase& db, const store::AppendPlan& plan);

  std::shared_ptr<MemoryDatabase> database;
  const store::AppendLimits limits;
  std::shared_ptr<const int> session = std::make_shared<const int>(0);  // under the database's lock
  Appender appender{*this};
  Events events{*this};
  Log log{*this};
  Checkpoints checkpoints{*this};
  OfSources source_checkpoints{*this};
  Leases leases{*this};
  Parked parked{*this};
  States route_states{*this};
  Retention retention{*this};
  Gaps gaps{*this};
  std::unique_ptr<store::AppendQueue> queue;  // null: appends are answered at once
};

// --- the database ----------------------------------------------------------------------------------

void MemoryDatabase::go_away() {
  {
    std::scoped_lock lock(fault_mutex_, mutex_);
    away_ = true;
  }
  changed_.notify_all();
}

void MemoryDatabase::come_back() {
  std::lock_guard lock(fault_mutex_);
  away_ = false;
}

void MemoryDatabase::set_faults(StoreFaults faults) {
  std::lock_guard lock(fault_mutex_);
  faults_ = std::make_shared<const StoreFaults>(std::move(faults));
}

void MemoryDatabase::fail_next(StoreCall call, Error error, int times) {
  std::lock_guard lock(fault_mutex_);
  for (int i = 0; i < times; ++i) next_errors_.emplace(call, error);
}

void MemoryDatabase::raise_incarnation() {
  std::lock_guard lock(mutex_);
  ++incarnation_;
}

void MemoryDatabase::lose_events_beyond(Position position) {
  std::lock_guard lock(mutex_);
  while (log_.size() > static_cast<std::size_t>(position.value)) {
    const Event& lost = *log_.back();
    const std::string name(lost.stream);
    ids_.erase({lost.id, name});
    auto& positions = streams_.at(name).positions;
    positions.pop_back();
    if (positions.empty()) streams_.erase(name);
    log_.pop_back();
  }
}

Status MemoryParts::before(StoreCall call) {
  std::shared_ptr<const StoreFaults> faults;
  {
    std::lock_guard lock(database->fault_mutex_);
    if (database->away_) return fail(codes::kStoreUnavailable, "the memory database is away");
    if (auto next = database->next_errors_.find(call); next != database->next_errors_.end())
      return fail(database->next_errors_.extract(next).mapped());
    faults = database->faults_;
  }
  if (!faults->before) return {};
  if (auto error = faults->before(call)) return fail(std::move(*error));
  return {};
}

Status MemoryParts::after(StoreCall call) {
  std::shared_ptr<const StoreFaults> faults;
  {
    std::lock_guard lock(database->fault_mutex_);
    faults = database->faults_;
  }
  if (!faults->after) return {};
  if (auto error = faults->after(call)) return fail(std::move(*error));
  return {};
}

// --- appending -------------------------------------------------------------------------------------

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

// --- reading ---------------------------------------------------------------------------------------

Result<StreamPage> MemoryParts::Events::read_stream(std::string_view name, std::optional<Version> from,
                                                    store::Direction direction, ReadLimit limit) {
  if (auto checked = check_limit(limit); !checked) return fail(std::move(checked.error()));
  return parts.perform(StoreCall::kReadStream, [&](MemoryDatabase& db) -> Result<StreamPage> {
    StreamPage page;
    PageBuilder builder(limit);
    if (const auto found = db.streams_.find(name); found != db.streams_.end()) {
      const auto& positions = found->second.positions;
      const std::int64_t last = static_cast<std::int64_t>(positions.size()) - 1;
      const bool forward = direction == store::Direction::kForward;
      page.last_version = Version{last};
      page.state = found->second.state;
      const auto kept = *retention_of(db, name);
      std::int64_t at = from ? from->value : (forward ? 0 : last);
      at = forward ? std::max<std::int64_t>(at, 0) : std::min(at, last);
      for (; at >= 0 && at <= last; at += forward ? 1 : -1) {
        const EventRef& event = db.log_[index_of(positions[static_cast<std::size_t>(at)])];
        if (!is_readable(db, kept, *event)) continue;
        if (!builder.has_room_for(*event)) {
          page.next = Version{at};
          break;
        }
        builder.add(event);
      }
    }
    page.events = std::move(builder).finish();
    return page;
  });
}

Result<std::shared_ptr<const EventBatch>> MemoryParts::Events::find(const EventId& id) {
  return parts.perform(StoreCall::kFindEvent, [&](MemoryDatabase& db) -> Result<std::shared_ptr<const EventBatch>> {
    PageBuilder builder({.events = db.log_.size() + 1, .bytes = SIZE_MAX});
    for (const EventRef& event : db.log_) {
      if (event->id == id && !is_stub(*event)) builder.add(event);
    }
    return std::move(builder).finish();
  });
}

Result<EventRef> MemoryParts::Events::find_in(std::string_view stream, const EventId& id) {
  return parts.perform(StoreCall::kFindEvent, [&](MemoryDatabase& db) -> Result<EventRef> {
    const auto found = db.ids_.find({id, std::string(stream)});
    if (found == db.ids_.end() || is_stub(*db.log_[index_of(found->second)])) return EventRef();
    return db.log_[index_of(found->second)];
  });
}

Result<std::vector<store::StreamSummary>> MemoryParts::Events::streams(const store::StreamQuery& query) {
  return parts.perform(StoreCall::kListStreams, [&](MemoryDatabase& db) -> Result<std::vector<store::StreamSummary>> {
    std::vector<store::StreamSummary> found;
    for (auto at = db.streams_.upper_bound(query.after); at != db.streams_.end() && found.size() < query.limit; ++at)
      if (at->first.starts_with(query.prefix))
        found.push_back(
            {at->first, at->second.category, Version{static_cast<std::int64_t>(at->second.positions.size()) - 1}});
    return found;
  });
}

Result<store::StoreCounts> MemoryParts::Events::counts() {
  return parts.perform(StoreCall::kCount, [](MemoryDatabase& db) -> Result<store::StoreCounts> {
    const auto stubs = std::count_if(db.log_.begin(), db.log_.end(), [](const auto& event) { return is_stub(*event); });
    return store::StoreCounts{db.streams_.size(), db.log_.size() - static_cast<std::size_t>(stubs)};
  });
}

Result<std::vector<store::KindCount>> MemoryParts::Events::kinds() {
  return parts.perform(StoreCall::kCount, [](MemoryDatabase& db) -> Result<std::vector<store::KindCount>> {
    std::map<std::pair<std::string_view, std::string_view>, std::uint64_t> counted;
    for (const EventRef& event : db.log_)
      if (!is_stub(*event)) ++counted[{event->category, event->type}];
    std::vector<store::KindCount> kinds;
    for (const auto& [kind, count] : counted)
      kinds.push_back({std::string(kind.first), std::string(kind.second), count});
    return kinds;
  });
}

Result<LogPage> MemoryParts::Log::read_after(Position after, ReadLimit limit, const store::LogFilter& filter) {
  if (auto checked = check_limit(limit); !checked) return fail(std::move(checked.error()));
  return parts.perform(StoreCall::kReadLog, [&](MemoryDatabase& db) -> Result<LogPage> {
    PageBuilder builder(limit);
    Position reached = after;
    std::uint64_t removed = 0;
    for (std::size_t at = static_cast<std::size_t>(std::max<std::int64_t>(after.value, 0)); at < db.log_.size(); ++at) {
      const EventRef& event = db.log_[at];
      if (is_stub(*event)) {
        if (filter.admits_all()) ++removed;
      } else if (filter.admits(*event)) {
        if (!builder.has_room_for(*event)) break;
        builder.add(event);
      }
      reached = *event->position;
    }
    return LogPage{std::move(builder).finish(), reached, removed};
  });
}

Result<LogPage> MemoryParts::Log::read_before(Position before, ReadLimit limit, const store::LogFilter& filter) {
  if (auto checked = check_limit(limit); !checked) return fail(std::move(checked.error()));
  return parts.perform(StoreCall::kReadLog, [&](MemoryDatabase& db) -> Result<LogPage> {
    PageBuilder builder(limit);
    Position reached = before;
    std::uint64_t removed = 0;
    const auto head = static_cast<std::int64_t>(db.log_.size());
    for (std::int64_t at = std::min(before.value - 1, head); at >= 1; --at) {
      const EventRef& event = db.log_[index_of(Position{at})];
      if (is_stub(*event)) {
        if (filter.admits_all()) ++removed;
      } else if (filter.admits(*event)) {
        if (!builder.has_room_for(*event)) break;
        builder.add(event);
      }
      reached = *event->position;
    }
    return LogPage{std::move(builder).finish(), reached, removed};
  });
}

Result<std::optional<Position>> MemoryParts::Log::first_since(Timestamp time) {
  return parts.perform(StoreCall::kReadLog, [&](MemoryDatabase& db) -> Result<std::optional<Position>> {
    for (const EventRef& event : db.log_)
      if (!is_stub(*event) && *event->recorded_at >= time) return event->position;
    return std::nullopt;
  });
}

Result<std::optional<Position>> MemoryParts::Log::last_before(Timestamp time) {
  return parts.perform(StoreCall::kReadLog, [&](MemoryDatabase& db) -> Result<std::optional<Position>> {
    for (auto event = db.log_.rbegin(); event != db.log_.rend(); ++event)
      if (!is_stub(**event) && *(*event)->recorded_at < time) return (*event)->position;
    return std::nullopt;
  });
}

Result<std::optional<EventId>> MemoryParts::Log::event_id_at(Position position) {
  return parts.perform(StoreCall::kReadLog, [&](MemoryDatabase& db) -> Result<std::optional<EventId>> {
    if (position.value < 1 || position.value > static_cast<std::int64_t>(db.log_.size())) return std::nullopt;
    return db.log_[index_of(position)]->id;
  });
}

std::uint64_t MemoryParts::Log::generation() {
  std::lock_guard lock(parts.database->mutex_);
  return static_cast<std::uint64_t>(parts.database->incarnation_);
}

Result<Position> MemoryParts::Log::head() {
  return parts.perform(StoreCall::kHead, [](MemoryDatabase& db) -> Result<Position> {
    return Position{static_cast<std::int64_t>(db.log_.size())};
  });
}

Result<Position> MemoryParts::Log::wait_beyond(Position position, Deadline deadline, std::stop_token stop) {
  if (auto ready = parts.before(StoreCall::kWaitBeyond); !ready) return fail(std::move(ready.error()));
  MemoryDatabase& db = *parts.database;
  {
    std::unique_lock lock(db.mutex_);
    db.changed_.wait_until(lock, stop, deadline.time(),
                           [&] { return static_cast<std::int64_t>(db.log_.size()) > position.value || db.away_; });
  }
  if (auto done = parts.after(StoreCall::kWaitBeyond); !done) return fail(std::move(done.error()));
  return head();
}

// --- checkpoints -----------------------------------------------------------------------------------

Status MemoryParts::check_lease(const MemoryDatabase& db, const Lease& lease) {
  const auto row = db.leases_.find(lease.name);
  if (row == db.leases_.end() || row->second.owner != lease.owner || row->second.epoch != lease.epoch)
    return fail(codes::kStoreFenced, "the lease " + lease.name + " is no longer held by " + lease.owner);
  return {};
}

Result<Checkpoint> MemoryParts::checkpoint_at(const MemoryDatabase& db, Position position) {
  if (index_of(position) >= db.log_.size() && position != Position{0})
    return fail(codes::kStoreCorrupt, "the store has no event at position " + std::to_string(position.value));
  const EventId id = position == Position{0} ? EventId() : db.log_[index_of(position)]->id;
  return Checkpoint{position, id, {"memory", 0, db.incarnation_}};
}

Result<std::optional<Checkpoint>> MemoryParts::Checkpoints::load(std::string_view route) {
  return parts.perform(StoreCall::kLoadCheckpoint, [&](MemoryDatabase& db) -> Result<std::optional<Checkpoint>> {
    const auto found = db.checkpoints_.find(route);
    if (found == db.checkpoints_.end()) return std::nullopt;
    Checkpoint checkpoint = found->second;
    const bool is_same = checkpoint.identity.incarnation == db.incarnation_;
    checkpoint.store = is_same ? Checkpoint::Store::kSame : Checkpoint::Store::kChanged;
    return checkpoint;
  });
}

Result<Checkpoint> MemoryParts::Checkpoints::create(const Lease& lease, std::string_view route, Position start) {
  return parts.perform(StoreCall::kCreateCheckpoint, [&](MemoryDatabase& db) -> Result<Checkpoint> {
    if (auto held = check_lease(db, lease); !held) return fail(std::move(held.error()));
    if (const auto found = db.checkpoints_.find(route); found != db.checkpoints_.end()) return found->second;
    auto made = checkpoint_at(db, start);
    if (made) db.checkpoints_.emplace(route, *made);
    return made;
  });
}

Status MemoryParts::Checkpoints::advance(const Lease& lease, std::string_view route, Position from,
                                         const store::Settled& to) {
  return parts.perform(StoreCall::kAdvanceCheckpoint, [&](MemoryDatabase& db) -> Status {
    if (auto held = check_lease(db, lease); !held) return held;
    const auto found = db.checkpoints_.find(route);
    const auto stored = found == db.checkpoints_.end() ? std::nullopt : std::optional(found->second.position);
    const auto step = store::judge_advance(route, stored, from, to.position);
    if (!step) return fail(step.error());
    if (*step == store::CheckpointStep::kStandsThere) return {};
    auto made = checkpoint_at(db, to.position);
    if (!made) return fail(std::move(made.error()));
    if (auto same = store::check_settled(route, to, made->event_id); !same) return same;
    found->second = *made;
    return {};
  });
}

Status MemoryParts::Checkpoints::rename(const Lease& lease, std::string_view old_route, std::string_view route) {
  return parts.perform(StoreCall::kRenameCheckpoint, [&](MemoryDatabase& db) -> Status {
    if (auto held = check_lease(db, lease); !held) return held;
    const auto old = db.checkpoints_.find(old_route);
    if (old == db.checkpoints_.end() || db.checkpoints_.contains(route)) return {};
    auto row = db.checkpoints_.extract(old);
    row.key() = route;
    db.checkpoints_.insert(std::move(row));
    return {};
  });
}

Result<std::vector<std::pair<std::string, Checkpoint>>> MemoryParts::Checkpoints::list() {
  using List = std::vector<std::pair<std::string, Checkpoint>>;
  return parts.perform(StoreCall::kListCheckpoints, [](MemoryDatabase& db) -> Result<List> {
    return List(db.checkpoints_.begin(), db.checkpoints_.end());
  });
}

Result<std::optional<SourceCheckpoint>> MemoryParts::OfSources::load(std::string_view source) {
  using Loaded = Result<std::optional<SourceCheckpoint>>;
  return parts.perform(StoreCall::kLoadSourceCheckpoint, [&](MemoryDatabase& db) -> Loaded {
    const auto found = db.source_checkpoints_.find(source);
    if (found == db.source_checkpoints_.end()) return std::nullopt;
    return found->second;
  });
}

Status MemoryParts::OfSources::advance(const Lease& lease, std::string_view source,
                                       const std::optional<SourceCheckpoint>& from, const SourceCheckpoint& to) {
  return parts.perform(StoreCall::kAdvanceSourceCheckpoint, [&](MemoryDatabase& db) -> Status {
    if (auto held = check_lease(db, lease); !held) return held;
    const auto found = db.source_checkpoints_.find(source);
    const bool exists = found != db.source_checkpoints_.end();
    const bool as_expected = exists == from.has_value() && (!from || found->second.position == from->position);
    if (!as_expected && !(exists && found->second.position == to.position))
      return fail(codes::kStoreCorrupt, "the checkpoint of the source is not where it left it");
    db.source_checkpoints_[std::string(source)] = to;
    return {};
  });
}

// --- leases ----------------------------------------------------------------------------------------

Result<Lease> MemoryParts::Leases::take(std::string_view name, std::string_view owner) {
  return parts.perform(StoreCall::kTakeLease, [&](MemoryDatabase& db) -> Result<Lease> {
    auto& row = db.leases_[std::string(name)];
    const Timestamp now = db.clock_.wall_now();
    const bool free = row.owner.empty() || row.owner == owner || row.expires_at <= now || row.session.expired();
    if (!free) return fail(codes::kRelayStandby, "the lease " + std::string(name) + " is held by " + row.owner);
    row.owner = owner;
    row.epoch = row.epoch.next();
    row.expires_at = now + store::kLeaseDuration;
    row.session = parts.session;
    return Lease{std::string(name), std::string(owner), row.epoch};
  });
}

Status MemoryParts::Leases::renew(const Lease& lease) {
  return parts.perform(StoreCall::kRenewLease, [&](MemoryDatabase& db) -> Status {
    if (auto held = check_lease(db, lease); !held) return held;
    auto& row = db.leases_.at(lease.name);
    row.expires_at = db.clock_.wall_now() + store::kLeaseDuration;
    row.session = parts.session;
    return {};
  });
}

Status MemoryParts::Leases::release(const Lease& lease) {
  return parts.perform(StoreCall::kReleaseLease, [&](MemoryDatabase& db) -> Status {
    if (!check_lease(db, lease)) return {};
    auto& row = db.leases_.at(lease.name);
    row.owner.clear();
    row.session.reset();
    return {};
  });
}

// --- parked rows and route states ------------------------------------------------------------------

Status MemoryParts::Parked::park(const std::vector<ParkedEvent>& rows) {
  return parts.perform(StoreCall::kPark, [&](MemoryDatabase& db) -> Status {
    for (const ParkedEvent& row : rows) {
      if (!db.parked_keys_.insert({row.route, row.source, row.source_key, digest_of(row)}).second) continue;
      ParkedEvent& added = db.parked_.emplace_back(row);
      added.number = static_cast<std::int64_t>(db.parked_.size());
      added.parked_at = db.clock_.wall_now();
    }
    return {};
  });
}

Result<std::vector<ParkedEvent>> MemoryParts::Parked::list(std::string_view route, std::int64_t after,
                                                           std::size_t limit) {
  return parts.perform(StoreCall::kReadParked, [&](MemoryDatabase& db) -> Result<std::vector<ParkedEvent>> {
    std::vector<ParkedEvent> found;
    for (const ParkedEvent& row : db.parked_) {
      if (found.size() == limit) break;
      if (row.number <= after || (!route.empty() && row.route != route)) continue;
      found.push_back(row);
      found.back().content.clear();
    }
    return found;
  });
}

Result<std::optional<ParkedEvent>> MemoryParts::Parked::find(std::int64_t number) {
  return parts.perform(StoreCall::kReadParked, [&](MemoryDatabase& db) -> Result<std::optional<ParkedEvent>> {
    if (number < 1 || number > static_cast<std::int64_t>(db.parked_.size())) return std::nullopt;
    return db.parked_[static_cast<std::size_t>(number - 1)];
  });
}

Result<std::vector<std::string>> MemoryParts::Parked::kept_by_reference(std::string_view route,
                                                                        std::string_view source) {
  return parts.perform(StoreCall::kReadParked, [&](MemoryDatabase& db) -> Result<std::vector<std::string>> {
    std::vector<std::string> keys;
    for (const ParkedEvent& row : db.parked_) {
      if (row.kept == ParkedEvent::Kept::kByReference && row.route == route && row.source == source)
        keys.push_back(row.source_key);
    }
    return keys;
  });
}

Result<std::uint64_t> MemoryParts::Parked::count(std::string_view route) {
  return parts.perform(StoreCall::kReadParked, [&](MemoryDatabase& db) -> Result<std::uint64_t> {
    return static_cast<std::uint64_t>(std::count_if(db.parked_.begin(), db.parked_.end(), [&](const ParkedEvent& row) {
      return route.empty() || row.route == route;
    }));
  });
}

Status MemoryParts::States::report(const std::vector<store::RouteState>& reported) {
  return parts.perform(StoreCall::kReportStates, [&](MemoryDatabase& db) -> Status {
    for (store::RouteState state : reported) {
      state.updated_at = db.clock_.wall_now();
      state.reporting = store::RouteState::Reporting::kNow;
      db.states_[{state.route, state.instance}] = std::move(state);
    }
    std::erase_if(db.states_, [oldest = db.clock_.wall_now() - store::kRouteStateKept](const auto& row) {
      return row.second.updated_at < oldest;
    });
    return {};
  });
}

Result<std::vector<store::RouteState>> MemoryParts::States::list() {
  return parts.perform(StoreCall::kListStates, [](MemoryDatabase& db) -> Result<std::vector<store::RouteState>> {
    std::vector<store::RouteState> found;
    for (const auto& [key, state] : db.states_) {
      found.push_back(state);
      if (db.clock_.wall_now() - state.updated_at > store::kRouteStateStale)
        found.back().reporting = store::RouteState::Reporting::kStale;
    }
    return found;
  });
}

// --- retention -------------------------------------------------------------------------------------

std::optional<store::StreamRetention> MemoryParts::retention_of(const MemoryDatabase& db, std::string_view stream) {
  const auto found = db.streams_.find(stream);
  if (found == db.streams_.end()) return std::nullopt;
  const Version last{static_cast<std::int64_t>(found->second.positions.size()) - 1};
  return store::StreamRetention{found->second.state, last, found->second.truncate_before, found->second.limits};
}

bool MemoryParts::is_readable(const MemoryDatabase& db, const store::StreamRetention& retention, const Event& event) {
  if (is_stub(event) || *event.version < retention.first_readable()) return false;
  return !retention.limits.max_age || *event.recorded_at > db.clock_.wall_now() - *retention.limits.max_age;
}

Result<std::optional<store::StreamRetention>> MemoryParts::Retention::find(std::string_view stream) {
  using Found = std::optional<store::StreamRetention>;
  return parts.perform(StoreCall::kReadRetention,
                       [&](MemoryDatabase& db) -> Result<Found> { return retention_of(db, stream); });
}

template <typename Judge>
Status MemoryParts::Retention::change(std::string_view stream, Judge judge) {
  return parts.perform(StoreCall::kChangeRetention, [&](MemoryDatabase& db) -> Status {
    const Result<store::StreamRetention> after = judge(retention_of(db, stream));
    if (!after) return fail(after.error());
    auto& row = db.streams_.find(stream)->second;
    row.state = after->state;
    row.truncate_before = after->truncate_before;
    row.limits = after->limits;
    return {};
  });
}

Status MemoryParts::Retention::remove(std::string_view stream, store::Removal removal,
                                      const store::ExpectedVersion& expected) {
  return change(stream, [&](const auto& found) { return store::judge_removal(stream, found, removal, expected); });
}

Status MemoryParts::Retention::truncate(std::string_view stream, Version before) {
  return change(stream, [&](const auto& found) { return store::judge_truncation(stream, found, before); });
}

Status MemoryParts::Retention::set_limits(std::string_view stream, const store::StreamLimits& wanted) {
  return change(stream, [&](const auto& found) { return store::judge_limits(stream, found, wanted); });
}

Result<store::Scavenged> MemoryParts::Retention::scavenge(std::size_t most) {
  return parts.perform(StoreCall::kChangeRetention, [&](MemoryDatabase& db) -> Result<store::Scavenged> {
    store::Scavenged done;
    for (EventRef& event : db.log_) {
      if (is_stub(*event) || is_readable(db, *retention_of(db, event->stream), *event)) continue;
      if (done.events >= most) {
        done.left = store::Scavenged::Left::kMore;
        break;
      }
      event = make_event({.id = event->id,
                          .stream = event->stream,
                          .category = event->category,
                          .version = event->version,
                          .position = event->position});
      ++done.events;
    }
    return done;
  });
}

// --- gaps ------------------------------------------------------------------------------------------

Result<std::int64_t> MemoryParts::Gaps::record(const store::GapRecord& gap) {
  return parts.perform(StoreCall::kRecordGap, [&](MemoryDatabase& db) -> Result<std::int64_t> {
    for (const store::GapRecord& known : db.gaps_)
      if (known.route == gap.route && known.reason == gap.reason && known.from == gap.from && known.to == gap.to &&
          known.events == gap.events)
        return known.number;
    store::GapRecord& added = db.gaps_.emplace_back(gap);
    added.number = static_cast<std::int64_t>(db.gaps_.size());
    added.recorded_at = db.clock_.wall_now();
    added.acknowledged_by.clear();
    return added.number;
  });
}

Result<std::vector<store::GapRecord>> MemoryParts::Gaps::list(std::int64_t after, std::size_t limit) {
  return parts.perform(StoreCall::kReadGaps, [&](MemoryDatabase& db) -> Result<std::vector<store::GapRecord>> {
    std::vector<store::GapRecord> found;
    for (const store::GapRecord& gap : db.gaps_)
      if (gap.number > after && found.size() < limit) found.push_back(gap);
    return found;
  });
}

Result<std::optional<store::GapRecord>> MemoryParts::Gaps::find(std::int64_t number) {
  return parts.perform(StoreCall::kReadGaps, [&](MemoryDatabase& db) -> Result<std::optional<store::GapRecord>> {
    if (number < 1 || number > static_cast<std::int64_t>(db.gaps_.size())) return std::nullopt;
    return db.gaps_[static_cast<std::size_t>(number - 1)];
  });
}

Result<std::optional<store::GapRecord>> MemoryParts::Gaps::find_open(std::string_view route) {
  return parts.perform(StoreCall::kReadGaps, [&](MemoryDatabase& db) -> Result<std::optional<store::GapRecord>> {
    for (const store::GapRecord& gap : db.gaps_)
      if (gap.route == route && gap.acknowledged_by.empty()) return gap;
    return std::nullopt;
  });
}

Status MemoryParts::Gaps::acknowledge(std::int64_t number, std::string_view by) {
  return parts.perform(StoreCall::kRecordGap, [&](MemoryDatabase& db) -> Status {
    if (number < 1 || number > static_cast<std::int64_t>(db.gaps_.size()))
      return fail(codes::kStoreNoSuchGap, "there is no gap " + std::to_string(number));
    auto& gap = db.gaps_[static_cast<std::size_t>(number - 1)];
    if (gap.acknowledged_by.empty()) gap.acknowledged_by = by;
    return {};
  });
}

// --- the store -------------------------------------------------------------------------------------

MemoryStore::MemoryStore(std::shared_ptr<MemoryDatabase> database, Appending appending,
                         store::AppendQueueSettings settings)
    : parts_(std::make_unique<MemoryParts>(std::move(database), settings.limits)) {
  if (appending == Appending::kQueued) parts_->queue = std::make_unique<store::AppendQueue>(parts_->appender, settings);
}

MemoryStore::~MemoryStore() {
  if (parts_->queue != nullptr) parts_->queue->stop(Deadline::in(store::kStoreDrain));
  end_session();
}

void MemoryStore::end_session() {
  std::lock_guard lock(parts_->database->mutex_);
  parts_->session = std::make_shared<const int>(0);
}

Result<store::StoreIdentity> MemoryStore::identity() {
  return parts_->perform(StoreCall::kIdentity, [](MemoryDatabase& db) -> Result<store::StoreIdentity> {
    return store::StoreIdentity{"memory", 0, db.incarnation_};
  });
}

Result<std::vector<store::IntegrityCheck>> MemoryStore::check_integrity() {
  return parts_->perform(StoreCall::kReadLog, [](MemoryDatabase& db) -> Result<std::vector<store::IntegrityCheck>> {
    using Verdict = store::IntegrityCheck::Verdict;
    bool contiguous = true;
    for (std::size_t at = 0; at < db.log_.size(); ++at)
      contiguous = contiguous && index_of(*db.log_[at]->position) == at;
    return std::vector<store::IntegrityCheck>{{"positions run from 1 to the head without a gap",
                                               contiguous ? Verdict::kProved : Verdict::kBroken,
                                               std::to_string(db.log_.size()) + " rows"}};
  });
}

store::EventStore& MemoryStore::events() { return parts_->events; }
store::EventLog& MemoryStore::log() { return parts_->log; }
store::Checkpoints& MemoryStore::checkpoints() { return parts_->checkpoints; }
SourceCheckpoints& MemoryStore::source_checkpoints() { return parts_->source_checkpoints; }
store::Leases& MemoryStore::leases() { return parts_->leases; }
store::ParkedEvents& MemoryStore::parked() { return parts_->parked; }
store::RouteStates& MemoryStore::route_states() { return parts_->route_states; }
store::Retention& MemoryStore::retention() { return parts_->retention; }
store::Gaps& MemoryStore::gaps() { return parts_->gaps; }

}  // namespace penstock::tests
