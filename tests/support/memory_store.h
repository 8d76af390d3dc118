// The store contracts in memory, with faults that a test can script.
//
// A MemoryDatabase is the database; a MemoryStore is one program's view of it, with a session of its
// own. Two programs on one store = two MemoryStores over one MemoryDatabase; a crash = end_session()
// (which frees the locks of its leases) and a new MemoryStore. Leases expire by the clock that the
// database was given; waits (deadlines, wait_beyond) use the real steady clock, as everywhere.
//
// Faults: `before` is asked as each call starts, and its error is the answer, nothing being done;
// `after` is asked when the call has taken effect, and its error replaces the answer (that is how an
// effect in doubt is made). Both are called without any lock held, from the caller's thread (appends:
// once a batch, from the sequencer's), and may block.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <tuple>

#include "core/clock.h"
#include "store/append_queue.h"
#include "store/store.h"

namespace penstock::tests {

enum class StoreCall {
  kIdentity,
  kAppend,
  kReadStream,
  kFindEvent,
  kListStreams,
  kCount,
  kReadLog,
  kHead,
  kWaitBeyond,
  kLoadCheckpoint,
  kCreateCheckpoint,
  kAdvanceCheckpoint,
  kRenameCheckpoint,
  kListCheckpoints,
  kLoadSourceCheckpoint,
  kAdvanceSourceCheckpoint,
  kTakeLease,
  kRenewLease,
  kReleaseLease,
  kPark,
  kReadParked,
  kReportStates,
  kListStates,
  kReadRetention,
  kChangeRetention,
  kRecordGap,
  kReadGaps,
  kReadAttempts,
  kCountAttempts,
};

struct StoreFaults {
  std::function<std::optional<Error>(StoreCall)> before;
  std::function<std::optional<Error>(StoreCall)> after;
};

class MemoryDatabase {
 public:
  // `clock` outlives the database.
  explicit MemoryDatabase(const Clock& clock) : clock_(clock) {}

  // While away, every call answers store.unavailable.
  void go_away();
  void come_back();

  // Replaces the faults; {} for none.
  void set_faults(StoreFaults faults);
  // The next `times` calls of this kind answer `error` and do nothing.
  void fail_next(StoreCall call, Error error, int times = 1);

  // As after a restore or promotion.
  void raise_incarnation();
  // Takes the last events away, as a failover that lost its tail.
  void lose_events_beyond(Position position);

 private:
  friend class MemoryStore;
  friend struct MemoryParts;

  struct Stream {
    std::string category;
    std::vector<Position> positions;  // by version
    store::StreamState state = store::StreamState::kLive;
    Version truncate_before{0};
    store::StreamLimits limits;
  };
  struct LeaseRow {
    std::string owner;  // empty: nobody's
    Epoch epoch{0};
    Timestamp expires_at{};
    std::weak_ptr<const int> session;  // expired: its lock is free
  };
  using ParkedKey = std::tuple<std::string, std::string, std::string, std::array<std::uint8_t, 32>>;

  const Clock& clock_;

  std::mutex fault_mutex_;  // guards the next three
  bool away_ = false;
  std::shared_ptr<const StoreFaults> faults_ = std::make_shared<StoreFaults>();
  std::multimap<StoreCall, Error> next_errors_;

  std::mutex mutex_;  // guards what follows
  std::condition_variable_any changed_;
  std::vector<EventRef> log_;  // position 1 first; a stub has no type
  store::DroppedRange dropped_;
  std::map<std::string, Stream, std::less<>> streams_;
  std::map<std::pair<EventId, std::string>, Position> ids_;
  std::map<std::string, store::Checkpoint, std::less<>> checkpoints_;
  std::map<std::string, SourceCheckpoint, std::less<>> source_checkpoints_;
  std::map<std::string, LeaseRow, std::less<>> leases_;
  std::vector<store::ParkedEvent> parked_;
  std::set<ParkedKey> parked_keys_;
  std::map<std::pair<std::string, std::string>, store::RouteState> states_;
  std::vector<store::GapRecord> gaps_;
  std::map<std::string, store::RouteAttempts, std::less<>> attempts_;
  std::int64_t incarnation_ = 1;
};

class MemoryStore final : public store::Store {
 public:
  // How appends are answered: by a sequencer's thread, as real backends do, or inside append() for
  // tests that want one thread.
  enum class Appending { kQueued, kAtOnce };

  explicit MemoryStore(std::shared_ptr<MemoryDatabase> database, Appending appending = Appending::kQueued,
                       store::AppendQueueSettings settings = {});
  ~MemoryStore() override;

  // As if the connection died: the locks of this store's leases are free. The rows stay.
  void end_session();

  std::string_view backend() const override { return "memory"; }
  Result<store::MigrationPlan> plan_migration() override { return store::MigrationPlan{}; }
  Status migrate() override { return {}; }
  std::optional<std::string> roles_sql() const override { return std::nullopt; }
  Result<store::StoreIdentity> identity() override;
  Result<bool> is_importing() override { return false; }
  Result<std::vector<store::IntegrityCheck>> check_integrity() override;
  store::EventStore& events() override;
  store::EventLog& log() override;
  store::Checkpoints& checkpoints() override;
  SourceCheckpoints& source_checkpoints() override;
  store::Leases& leases() override;
  store::ParkedEvents& parked() override;
  store::RouteStates& route_states() override;
  store::Retention& retention() override;
  store::Gaps& gaps() override;
  store::Attempts& attempts() override;

 private:
  std::unique_ptr<struct MemoryParts> parts_;
};

}  // namespace penstock::tests
