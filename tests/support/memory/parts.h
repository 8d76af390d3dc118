// The inside of a MemoryStore: its contracts, and what they share. The sources beside this hold one contract each.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "store/append_rules.h"
#include "tests/support/memory_store.h"

namespace penstock::tests {

// Of a scavenged event only its place is left.
inline bool is_stub(const Event& event) { return event.type.empty(); }

inline std::size_t index_of(Position position) { return static_cast<std::size_t>(position.value - 1); }

struct MemoryParts {
  struct Appender final : store::BatchAppender {
    explicit Appender(MemoryParts& parts_in) : parts(parts_in) {}
    std::vector<Result<store::AppendReceipt>> append_batch(
        std::span<const store::AppendRequest* const> requests) override;
    MemoryParts& parts;
  };
  struct Events final : store::EventStore {
    explicit Events(MemoryParts& parts_in) : parts(parts_in) {}
    void append(store::AppendRequest request, Deadline deadline, store::AppendDone done) override;
    void append_many(std::vector<store::AppendRequest> requests, Deadline deadline,
                     store::AppendQueue::Done done) override;
    Result<store::StreamPage> read_stream(std::string_view stream, std::optional<Version> from,
                                          store::Direction direction, store::ReadLimit limit) override;
    Result<std::shared_ptr<const EventBatch>> find(const EventId& id) override;
    Result<EventRef> find_in(std::string_view stream, const EventId& id) override;
    Result<std::vector<store::StreamSummary>> streams(const store::StreamQuery& query) override;
    Result<store::StoreCounts> counts() override;
    Result<std::vector<store::KindCount>> kinds() override;
    MemoryParts& parts;
  };
  struct Log final : store::EventLog {
    explicit Log(MemoryParts& parts_in) : parts(parts_in) {}
    Result<store::LogPage> read_after(Position after, store::ReadLimit limit, const store::LogFilter& filter) override;
    Result<store::LogPage> read_before(Position before, store::ReadLimit limit,
                                       const store::LogFilter& filter) override;
    Result<std::optional<Position>> first_since(Timestamp time) override;
    Result<std::optional<Position>> last_before(Timestamp time) override;
    Result<std::optional<EventId>> event_id_at(Position position) override;
    std::uint64_t generation() override;
    Result<Position> head() override;
    Result<Position> floor() override;
    Result<Position> wait_beyond(Position position, Deadline deadline, std::stop_token stop) override;
    MemoryParts& parts;
  };
  struct Checkpoints final : store::Checkpoints {
    explicit Checkpoints(MemoryParts& parts_in) : parts(parts_in) {}
    Result<std::optional<store::Checkpoint>> load(std::string_view route) override;
    Result<store::Checkpoint> create(const Lease& lease, std::string_view route, Position start) override;
    Status advance(const Lease& lease, std::string_view route, Position from, const store::Settled& to) override;
    Status rename(const Lease& lease, std::string_view old_route, std::string_view route) override;
    static void take_gaps_along(MemoryDatabase& db, std::string_view old_route, std::string_view route);
    Result<std::vector<std::pair<std::string, store::Checkpoint>>> list() override;
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
    Status park(const std::vector<store::ParkedEvent>& rows) override;
    Result<std::vector<store::ParkedEvent>> list(std::string_view route, std::int64_t after,
                                                 std::size_t limit) override;
    Result<std::optional<store::ParkedEvent>> find(std::int64_t number) override;
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

  struct Attempts final : store::Attempts {
    explicit Attempts(MemoryParts& parts_in) : parts(parts_in) {}
    Result<store::RouteAttempts> load(std::string_view route) override;
    Status count_openings(std::string_view route, std::uint32_t openings) override;
    Status count_row(std::string_view route, const store::RowAttempts& row,
                     std::optional<std::string_view> ended) override;
    Status forget(std::string_view route) override;
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
    Result<store::DroppedRange> dropped() override;
    Status raise_floor(Position floor, std::span<const std::string> past) override;
    Result<store::Scavenged> drop(std::size_t most) override;
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

  Result<store::AppendReceipt> append_now(const store::AppendRequest& request, Deadline deadline);

  // The next are called under the database's lock.
  static Status check_lease(const MemoryDatabase& db, const Lease& lease);
  static std::optional<store::StreamRetention> retention_of(const MemoryDatabase& db, std::string_view stream);
  // Whether a reader of its stream still gets the event.
  static bool is_readable(const MemoryDatabase& db, const store::StreamRetention& retention, const Event& event);
  // Whether readers of the log get the event.
  static bool is_kept(const MemoryDatabase& db, const Event& event) {
    return !is_stub(event) && *event.position > db.dropped_.floor;
  }
  static Result<store::Checkpoint> checkpoint_at(const MemoryDatabase& db, Position position);
  static store::AppendFacts facts_about(const MemoryDatabase& db,
                                        std::span<const store::AppendRequest* const> requests);
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
  Attempts attempts{*this};
  std::unique_ptr<store::AppendQueue> queue;  // null: appends are answered at once
};

}  // namespace penstock::tests
