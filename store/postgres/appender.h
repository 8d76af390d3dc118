// The backend's half of group commit: one transaction a batch.
//
// The lock of the head row is the fence and the counter: any number of programs may append, and the
// positions stay gap-free and in commit order, because each holds that lock from before it reads the
// head until it has committed. Under it, in separate statements so that each sees what the former
// holder committed: the rows of the streams, the ids if needed, the writes.
//
// What others wrote by the SQL functions (the inbox) is swept into the log by the same transaction, after
// the streams' rows were locked and before anything of the batch is numbered: whatever a request is judged
// by has its position by then. A backlog is swept by transactions of its own before the batch is tried.
//
// A stream that somebody else's transaction holds is never waited for: store.stream_locked.
//
// Event ids are not looked up beforehand: the unique index finds a known one, and the batch is then
// rolled back and run again with a look-up. Retries are rare, look-ups would cost every batch.
//
// What a condition asks about events far below the head is found out before the head is locked, and under the
// lock only the rest: the walk over a long log holds up this program's appends, but nobody else's.
//
// A request that goes by a log which is another one by now is refused (store.fenced). What was acknowledged
// to the others, clients, is remembered here, compared before the first append on the new log, and named in
// a gap record where it is gone.
//
// When the connection breaks while COMMIT may have been sent, the lost backend is ended first and the
// same batch run again: ids that it did commit are found. To end it also ends its wait for a synchronous
// standby, so they are acknowledged only behind a commit that waited for one. If that doesn't come, or the
// backend's end can't be proved, the answer is store.in_doubt.
#pragma once

#include <memory>
#include <stop_token>
#include <unordered_map>
#include <unordered_set>

#include "core/log.h"
#include "store/append_queue.h"
#include "store/append_rules.h"
#include "store/event_tail.h"
#include "store/postgres/append_statements.h"
#include "store/postgres/blocker_watch.h"
#include "store/postgres/head_signal.h"
#include "store/postgres/match_finder.h"
#include "store/postgres/session_opener.h"

namespace penstock::store::postgres {

class Appender final : public BatchAppender {
 public:
  // All outlive the appender. `id_at` reads the log.
  Appender(SessionOpener& opener, HeadSignal& head, EventTail::IdAt id_at, Gaps& gaps, Log& log);

  std::vector<Result<AppendReceipt>> append_batch(std::span<const AppendRequest* const> requests) override;

  // Ends a call that waits for the database. From any thread.
  void request_stop() { stop_.request_stop(); }

 private:
  using Requests = std::span<const AppendRequest* const>;
  using Answers = std::vector<Result<AppendReceipt>>;

  // Above statement_timeout: what the server does not end, we do.
  static constexpr std::chrono::seconds kStatement{12};

  enum class IdCheck { kByIndex, kLookUp };
  // kDoubt: a transaction over the same requests may have committed, perhaps on this server alone.
  enum class Before { kNothing, kDoubt };

  // How one transaction over the first requests of a slice ended.
  struct Attempt {
    // kSwept: a part of the inbox was swept and nothing else; there is more of it.
    // kHereAlone: all of it is committed, and a synchronous standby doesn't say that it has it.
    enum class End { kAnswered, kSwept, kRolledBack, kInDoubt, kHereAlone } end;
    Answers answers;             // kAnswered: of as many requests as the transaction took
    std::optional<Error> error;  // else
    SqlFailure failure;
  };

  // What a transaction has learnt under its locks.
  struct Locked {
    std::size_t taken = 0;  // requests of the front that this transaction deals with
    Timestamp recorded_at{};
    enum class Inbox { kEmpty, kSwept, kMoreRows, kLargeTransaction } inbox = Inbox::kEmpty;
    AppendFacts facts;
    std::unordered_set<std::string_view> busy;  // streams that somebody else holds
    std::vector<Rows> memory;                   // what the views of `facts` point into
  };

  // What a condition asks about the log up to `until`, found out before the head is locked.
  struct LookedAhead {
    Position until;
    std::optional<Position> violation;
  };

  static bool names_one_of(const AppendRequest& request, const std::unordered_set<std::string_view>& streams);
  static void insert_streams(std::unordered_set<std::string_view>& streams, const AppendRequest& request);
  static std::vector<EventId> ids_of(std::span<const AppendRequest* const> requests);

  void remember(const AppendRequest& request, const Result<AppendReceipt>& answer);
  bool is_outdated(const AppendRequest& request) const;
  Answers append_slice(Requests requests);
  Result<Answers> try_slice(Requests requests);
  void note_sweep_outcome(const Result<Answers>& swept);
  Answers append_one_by_one(Requests requests);

  Attempt try_requests(Requests requests, IdCheck check, Before before);
  Attempt try_alone(const AppendRequest& request);
  Attempt try_batch(Requests requests, IdCheck check, Before before);
  Status lock(Requests requests, IdCheck check, Locked& locked);
  // Ends the transaction of `locked`, which leaves rows in the inbox.
  Attempt sweep_on(Locked& locked);
  // Of an attempt that the server ended for taking too long: sweeps in a transaction of its own, however long that
  // takes, because the next attempt would take as long. The same attempt where there was nothing to sweep.
  Attempt sweep_backlog(Attempt canceled);
  // Of lock_head: whether this is the log that the session began on.
  Status check_head(const Rows& head) const;
  void note_sweep(const Rows& swept, Locked& locked);
  // Of a transaction that appends nothing.
  Attempt finish_without_events(const Locked& locked, Before before, Answers answers);
  Status commit();
  Status lock_new_streams(Requests requests, std::vector<std::string_view> missing, Locked& locked);
  Status look_up(const std::vector<EventId>& ids, AppendFacts& facts, std::vector<Rows>& memory);
  Status look_ahead(Requests requests);
  Status look_for_violations(const std::vector<const AppendRequest*>& requests, AppendFacts& facts);
  Attempt write(const AppendPlan& plan, const Locked& locked, Answers answers);
  Attempt failed(Error error);  // in a transaction whose COMMIT was not sent
  Attempt answered(Answers answers) { return {Attempt::End::kAnswered, std::move(answers), std::nullopt, {}}; }

  Status ensure_session();
  Status look_for_lost_tail();
  void lose_session();
  // Proves that the backend of the lost session has ended.
  bool end_lost_backend();

  SessionOpener& opener_;
  HeadSignal& head_;
  const EventTail::IdAt id_at_;
  Gaps& gaps_;
  Log& log_;
  const AppendStatements statements_;
  const MatchFinder matches_;
  BlockerWatch blockers_;
  std::stop_source stop_;

  // The sequencer's thread only.
  std::unique_ptr<Session> session_;
  StoreIdentity identity_;  // when session_ was opened
  std::uint64_t generation_ = 0;
  EventTail acknowledged_;  // to clients
  // For the requests of one slice, while session_ lasts: another one may be on another log.
  std::unordered_map<const AppendRequest*, LookedAhead> looked_ahead_;
  ServerFacts lost_backend_;  // of the session that broke last
  Deadline reconnect_until_ = Deadline::at(SteadyTime::min());
  std::string copy_data_;
  enum class Sweeping { kWorks, kFails } sweeping_ = Sweeping::kWorks;  // of those that nobody waits for
};

}  // namespace penstock::store::postgres
