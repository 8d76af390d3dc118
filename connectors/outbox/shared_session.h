// One session of a source's database, and who uses it: one source, or several that take turns.
//
// Each source has a seat, and with it the lock of its own table. When the session is lost, each seat has
// lost what hung on it: every call answers with an error from then on. An error that the server answers to
// one seat ends nothing for the others: a transaction that was left open is rolled back, and the lock of a
// seat is freed when it leaves.
//
// Threads: any; a seat is used by one thread. Turns go in the order of asking. A seat that waits for
// notifications listens for all the others too, and steps aside when one of them asks for a turn.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "core/clock.h"
#include "core/error.h"
#include "store/postgres/session.h"

namespace penstock::outbox {

// How many sources a session is for.
enum class Company { kAlone, kShared };

class SharedSession {
 public:
  // Errors: those of Session::open(); outbox.unavailable for a standby, where no row can be settled.
  static Result<std::shared_ptr<SharedSession>> open(const store::postgres::SessionSettings& settings, Company company,
                                                     Deadline deadline, const std::stop_token& stop);

  Company company() const { return company_; }
  const store::postgres::ServerFacts& server() const { return server_; }
  const store::postgres::SessionSettings& settings() const { return settings_; }
  // Whether seats can still be taken, and how many are.
  bool is_open() const;
  std::size_t seats() const;

 private:
  friend class Seat;
  friend class Turn;

  // Of a seat that listens.
  struct Ear {
    std::string channel;
    bool notified = false;
  };
  enum class Leave { kInTurn, kAtOnce };
  enum class Holder { kNobody, kTurn, kListener };

  SharedSession(std::unique_ptr<store::postgres::Session> session, store::postgres::SessionSettings settings,
                Company company);

  bool sit_down();
  void leave(Ear& ear, std::optional<std::int64_t> locked_table, Leave leave);
  Status wait_for_turn(Deadline deadline, const std::stop_token& stop);
  void give_back();
  void free_left_locks();
  Result<bool> wait_notified(Ear& ear, Deadline deadline, const std::stop_token& stop);
  // Until somebody asks for a turn, too. The lock is held when it begins and when it ends.
  void listen(std::unique_lock<std::mutex>& lock, Deadline deadline, const std::stop_token& stop);
  void let_go(const std::vector<std::string>& channels);

  const Company company_;
  const store::postgres::SessionSettings settings_;
  const store::postgres::ServerFacts server_;

  // Used by who holds it, without the mutex.
  const std::unique_ptr<store::postgres::Session> session_;
  std::set<std::int64_t> locked_tables_;
  std::map<std::string, std::string, std::less<>> statement_names_;  // by their text

  mutable std::mutex mutex_;  // guards the rest; not held during a call to the database
  std::condition_variable_any changed_;
  Holder holder_ = Holder::kNobody;
  std::stop_source listener_;
  std::deque<std::uint64_t> queue_;
  std::uint64_t next_in_queue_ = 0;
  std::size_t seats_ = 0;
  std::set<Ear*> ears_;
  enum class Hears { kNothing, kChannels } hears_ = Hears::kNothing;  // the server tells of those that were left too
  std::vector<std::int64_t> left_locks_;                              // of tables whose seat has left
  SteadyTime last_round_trip_;
  enum class Course { kOpen, kEnded } course_ = Course::kOpen;
};

// The session is its owner's until it is destroyed.
class Turn {
 public:
  Turn(Turn&& other) noexcept : shared_(std::exchange(other.shared_, nullptr)) {}
  Turn& operator=(Turn&&) = delete;
  ~Turn();

  store::postgres::Session& session() const { return *shared_->session_; }

 private:
  friend class Seat;
  explicit Turn(SharedSession& shared) : shared_(&shared) {}

  SharedSession* shared_;
};

class Seat {
 public:
  // null when the session has been lost, or its last seat has left.
  static std::unique_ptr<Seat> take(std::shared_ptr<SharedSession> session);
  // Not while it has a turn. The lock is free then, or a little later where others keep the session busy.
  ~Seat();
  Seat(const Seat&) = delete;
  Seat& operator=(const Seat&) = delete;

  Company company() const { return shared_->company(); }
  bool is_shared() const { return company() == Company::kShared; }
  const store::postgres::ServerFacts& server() const { return shared_->server(); }
  // For another session like this one.
  const store::postgres::SessionSettings& settings() const { return shared_->settings(); }

  // A statement under a name that no other text has on this session: it is prepared once, also for a source that is
  // opened again and again.
  store::postgres::Statement statement(const Turn& turn, std::string_view name, std::string sql);

  // Errors: outbox.unavailable when the session is lost; outbox.busy at the deadline; core.stopped.
  Result<Turn> take_turn(Deadline deadline, const std::stop_token& stop);

  // The lock of the source's table. false: another relay has it, or another source of this one.
  Result<bool> try_lock(const Turn& turn, std::int64_t table_oid, Deadline deadline, const std::stop_token& stop);

  Status listen(const Turn& turn, const std::string& channel, Deadline deadline, const std::stop_token& stop);
  // Whether there was a notification before the deadline and the stop. Asks for no turn.
  Result<bool> wait_notified(Deadline deadline, const std::stop_token& stop);

  // The program ends: its end waits for nobody. Who has the next turn frees the lock.
  void leave_at_once() { leave_ = SharedSession::Leave::kAtOnce; }

  // Makes a round trip if nobody has made one on the session for a while, so that the server keeps it.
  Status stay_awake(Deadline deadline, const std::stop_token& stop);

 private:
  explicit Seat(std::shared_ptr<SharedSession> session) : shared_(std::move(session)) {}

  const std::shared_ptr<SharedSession> shared_;
  SharedSession::Ear ear_;
  std::optional<std::int64_t> locked_table_;
  SharedSession::Leave leave_ = SharedSession::Leave::kInTurn;
};

}  // namespace penstock::outbox
