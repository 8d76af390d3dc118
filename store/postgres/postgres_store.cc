#include "store/postgres/postgres_store.h"

#include <thread>

#include "core/rest.h"
#include "store/append_queue.h"
#include "store/postgres/appender.h"
#include "store/postgres/event_reader.h"
#include "store/postgres/head_signal.h"
#include "store/postgres/inbox_watch.h"
#include "store/postgres/integrity.h"
#include "store/postgres/log_reader.h"
#include "store/postgres/migrator.h"
#include "store/postgres/postgres_attempts.h"
#include "store/postgres/postgres_checkpoints.h"
#include "store/postgres/postgres_gaps.h"
#include "store/postgres/postgres_leases.h"
#include "store/postgres/postgres_parked.h"
#include "store/postgres/postgres_retention.h"
#include "store/postgres/postgres_route_states.h"
#include "store/postgres/postgres_source_checkpoints.h"
#include "store/postgres/roles.h"
#include "store/postgres/sql_limits.h"

namespace penstock::store::postgres {
namespace {

constexpr std::size_t kReaders = 4, kWriters = 2;
constexpr std::chrono::seconds kCall{5};
// What a transaction that is under way when the store is destroyed gets beyond the drain.
constexpr std::chrono::seconds kLastCommit{1};

class PostgresEvents final : public EventStore {
 public:
  PostgresEvents(AppendQueue& queue, EventReader& reader) : queue_(queue), reader_(reader) {}

  void append(AppendRequest request, Deadline deadline, AppendDone done) override {
    std::vector<AppendRequest> requests;
    requests.push_back(std::move(request));
    queue_.push(std::move(requests), deadline,
                [done = std::move(done)](std::size_t, Result<AppendReceipt> answer) { done(std::move(answer)); });
  }
  void append_many(std::vector<AppendRequest> requests, Deadline deadline, AppendQueue::Done done) override {
    queue_.push(std::move(requests), deadline, std::move(done));
  }
  Result<StreamPage> read_stream(std::string_view stream, std::optional<Version> from, Direction direction,
                                 ReadLimit limit) override {
    return reader_.read_stream(stream, from, direction, limit);
  }
  Result<std::shared_ptr<const EventBatch>> find(const EventId& id) override { return reader_.find(id); }
  Result<EventRef> find_in(std::string_view stream, const EventId& id) override { return reader_.find_in(stream, id); }
  Result<std::vector<StreamSummary>> streams(const StreamQuery& query) override { return reader_.streams(query); }
  Result<StoreCounts> counts() override { return reader_.counts(); }
  Result<std::vector<KindCount>> kinds() override { return reader_.kinds(); }

 private:
  AppendQueue& queue_;
  EventReader& reader_;
};

class PostgresLog final : public EventLog {
 public:
  PostgresLog(const SessionOpener& opener, LogReader& reader, HeadSignal& signal, std::size_t tail_bytes)
      : opener_(opener),
        reader_(reader),
        signal_(signal),
        tail_([&reader](Position after, const ReadLimit& limit) { return reader.read_tail(after, limit); },
              tail_bytes) {}

  Result<LogPage> read_after(Position after, ReadLimit limit, const LogFilter& filter) override {
    if (auto fits = check_limit(limit); !fits) return fail(std::move(fits.error()));
    const Position known = signal_.known();
    auto page = read_tail_or_table(after, limit, filter, known);
    // Nothing where there was something: a failover lost its tail, and whoever waits must not be told
    // again and again that there is more.
    if (page && page->reached == after && known > after)
      if (auto head = signal_.refresh(); !head) return fail(std::move(head.error()));
    return page;
  }
  Result<LogPage> read_before(Position before, ReadLimit limit, const LogFilter& filter) override {
    return reader_.read(before, Direction::kBackward, limit, filter);
  }
  Result<std::optional<Position>> first_since(Timestamp time) override { return reader_.first_since(time); }
  Result<std::optional<Position>> last_before(Timestamp time) override { return reader_.last_before(time); }
  Result<std::optional<EventId>> event_id_at(Position position) override { return reader_.event_id_at(position); }
  std::uint64_t generation() override { return opener_.generation(); }
  Result<Position> head() override { return signal_.refresh(); }
  Result<Position> floor() override { return reader_.floor(); }
  Result<Position> wait_beyond(Position position, Deadline deadline, std::stop_token stop) override {
    return signal_.wait_beyond(position, deadline, std::move(stop));
  }

 private:
  Result<LogPage> read_tail_or_table(Position after, const ReadLimit& limit, const LogFilter& filter, Position known) {
    auto tail = tail_.read_after(after, limit, filter, {known, opener_.generation()});
    if (!tail) return fail(std::move(tail.error()));
    if (*tail) return *std::move(*tail);
    return reader_.read(after, Direction::kForward, limit, filter);
  }

  const SessionOpener& opener_;
  LogReader& reader_;
  HeadSignal& signal_;
  HotTail tail_;
};

class PostgresStore final : public Store {
 public:
  PostgresStore(StoreSettings settings, Schema schema, std::string instance, Log& log)
      : log_of_program_(log),
        limits_(settings.limits),
        opener_(settings.url, std::move(schema), std::move(instance)),
        readers_(opener_, "read", kReaders),
        writers_(opener_, "state", kWriters),
        identity_{"identity", opener_.schema().expand("SELECT h.system_identifier, h.timeline, h.incarnation"
                                                      " FROM @schema@.head h WHERE h.id = 1")},
        importing_{"importing", opener_.schema().expand("SELECT h.importing FROM @schema@.head h WHERE h.id = 1")},
        reader_(readers_, opener_.schema()),
        log_reader_(readers_, opener_.schema()),
        signal_([this] { return log_reader_.head(); }),
        gaps_(writers_, opener_.schema()),
        appender_(
            opener_, signal_, [this](Position position) { return log_reader_.event_id_at(position); }, gaps_, log),
        queue_(appender_, {.queue_bytes = settings.queue_bytes, .limits = settings.limits}),
        events_(queue_, reader_),
        log_(opener_, log_reader_, signal_, settings.tail_bytes),
        checkpoints_(writers_, opener_.schema()),
        source_checkpoints_(writers_, opener_.schema()),
        leases_(opener_),
        parked_(writers_, opener_.schema()),
        route_states_(writers_, opener_.schema()),
        retention_(writers_, opener_.schema()),
        attempts_(writers_, opener_.schema()) {
    if (settings.inbox == StoreSettings::Inbox::kWatched) inbox_.emplace(opener_, [this] { queue_.sequence(); });
  }

  ~PostgresStore() override {
    if (inbox_) inbox_->request_stop();
    // Stopping drains, but a transaction that the server does not answer must not keep the program.
    const std::jthread hurry([&](std::stop_token drained) {
      rest(kStoreDrain + kLastCommit, drained);
      if (!drained.stop_requested()) appender_.request_stop();
    });
    queue_.stop(Deadline::in(kStoreDrain));
  }

  std::string_view backend() const override { return "postgres"; }
  Result<MigrationPlan> plan_migration() override { return postgres::plan_migration(opener_); }
  Status migrate() override {
    if (auto migrated = run_migration(opener_, log_of_program_); !migrated || !inbox_) return migrated;
    return set_sql_limits(opener_, limits_, log_of_program_);
  }
  std::optional<std::string> roles_sql() const override { return postgres::roles_sql(opener_.schema()); }
  Result<StoreIdentity> identity() override {
    const Deadline deadline = Deadline::in(kCall);
    auto rows = readers_.with_session(deadline, [&](Session& session) { return session.run(identity_, {}, deadline); });
    if (!rows) return fail(std::move(rows.error()));
    return StoreIdentity{std::string(rows->bytes(0, 0)), rows->integer(0, 1), rows->integer(0, 2)};
  }

  Result<bool> is_importing() override {
    const Deadline deadline = Deadline::in(kCall);
    auto rows =
        readers_.with_session(deadline, [&](Session& session) { return session.run(importing_, {}, deadline); });
    if (!rows) return fail(std::move(rows.error()));
    return rows->boolean(0, 0);
  }

  Result<std::vector<IntegrityCheck>> check_integrity() override { return postgres::check_integrity(opener_); }

  EventStore& events() override { return events_; }
  EventLog& log() override { return log_; }
  Checkpoints& checkpoints() override { return checkpoints_; }
  SourceCheckpoints& source_checkpoints() override { return source_checkpoints_; }
  Leases& leases() override { return leases_; }
  ParkedEvents& parked() override { return parked_; }
  RouteStates& route_states() override { return route_states_; }
  Retention& retention() override { return retention_; }
  Gaps& gaps() override { return gaps_; }
  Attempts& attempts() override { return attempts_; }

 private:
  Log& log_of_program_;
  const AppendLimits limits_;
  SessionOpener opener_;
  SessionPool readers_, writers_;
  const Statement identity_, importing_;
  EventReader reader_;
  LogReader log_reader_;
  HeadSignal signal_;
  PostgresGaps gaps_;
  Appender appender_;
  AppendQueue queue_;
  PostgresEvents events_;
  PostgresLog log_;
  PostgresCheckpoints checkpoints_;
  PostgresSourceCheckpoints source_checkpoints_;
  PostgresLeases leases_;
  PostgresParked parked_;
  PostgresRouteStates route_states_;
  PostgresRetention retention_;
  PostgresAttempts attempts_;
  std::optional<InboxWatch> inbox_;
};

}  // namespace

Result<std::unique_ptr<Store>> make_postgres_store(StoreSettings settings, std::string instance, Log& log) {
  auto schema = Schema::named(settings.schema);
  if (!schema) return fail(std::move(schema.error()));
  return std::make_unique<PostgresStore>(std::move(settings), std::move(*schema), std::move(instance), log);
}

}  // namespace penstock::store::postgres
