#include "connectors/outbox/shared_session.h"

#include <algorithm>

#include "connectors/outbox/connection_fix.h"
#include "connectors/outbox/postgres_statements.h"
#include "connectors/outbox/table_name.h"

namespace penstock::outbox {
namespace {

using store::postgres::Parameters;
using store::postgres::Session;
using store::postgres::Statement;

constexpr std::chrono::milliseconds kQuietBeforePing{900};
constexpr std::chrono::seconds kShortCall{5};
// A lock that is left behind later than this is freed by the next turn of another seat.
constexpr std::chrono::seconds kLeaveWithin{2};

tl::unexpected<Error> session_ended() { return fail(codes::kOutboxUnavailable, "the database session has ended"); }

}  // namespace

Result<std::shared_ptr<SharedSession>> SharedSession::open(const store::postgres::SessionSettings& settings,
                                                           Company company, Deadline deadline,
                                                           const std::stop_token& stop) {
  auto opened = Session::open(settings, deadline, stop);
  if (!opened) return fail(with_connection_fix(std::move(opened.error()), settings.url));
  if ((*opened)->server().role == store::postgres::ServerFacts::Role::kStandby)
    return fail(codes::kOutboxUnavailable, "the server is a standby, where no row can be settled");
  return std::shared_ptr<SharedSession>(new SharedSession(*std::move(opened), settings, company));
}

SharedSession::SharedSession(std::unique_ptr<Session> session, store::postgres::SessionSettings settings,
                             Company company)
    : company_(company),
      settings_(std::move(settings)),
      server_(session->server()),
      session_(std::move(session)),
      last_round_trip_(std::chrono::steady_clock::now()) {}

bool SharedSession::is_open() const {
  std::lock_guard lock(mutex_);
  return course_ == Course::kOpen;
}

std::size_t SharedSession::seats() const {
  std::lock_guard lock(mutex_);
  return seats_;
}

bool SharedSession::sit_down() {
  std::lock_guard lock(mutex_);
  if (course_ == Course::kEnded) return false;
  ++seats_;
  return true;
}

// The last one leaves nothing behind: with it the session ends.
void SharedSession::leave(Ear& ear, std::optional<std::int64_t> locked_table, Leave leave) {
  {
    std::lock_guard lock(mutex_);
    ears_.erase(&ear);
    if (--seats_ == 0) course_ = Course::kEnded;
    if (course_ == Course::kEnded || !locked_table) return;
    left_locks_.push_back(*locked_table);
  }
  if (leave == Leave::kInTurn && wait_for_turn(Deadline::in(kLeaveWithin), {})) give_back();
}

Status SharedSession::wait_for_turn(Deadline deadline, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  const std::uint64_t mine = next_in_queue_++;
  queue_.push_back(mine);
  if (std::stop_source listener = listener_; holder_ == Holder::kListener) {
    lock.unlock();
    listener.request_stop();
    lock.lock();
  }
  const bool free = changed_.wait_until(lock, stop, deadline.time(), [&] {
    return course_ == Course::kEnded || (holder_ == Holder::kNobody && queue_.front() == mine);
  });
  std::erase(queue_, mine);
  // Also where the session is free: a statement that is stopped as soon as it is sent would end it for all.
  const bool stopped = stop.stop_requested();
  if (course_ == Course::kEnded || stopped || !free) {
    changed_.notify_all();
    if (course_ == Course::kEnded) return session_ended();
    if (stopped) return fail(codes::kStopped, "the wait for the database was stopped");
    return fail(codes::kOutboxBusy, "the session that sources of this database share was in use for too long");
  }
  holder_ = Holder::kTurn;
  lock.unlock();
  free_left_locks();
  return {};
}

// A session that can't be rid of a lock would keep a table for nobody.
void SharedSession::free_left_locks() {
  std::vector<std::int64_t> tables;
  {
    std::lock_guard lock(mutex_);
    tables.swap(left_locks_);
  }
  static const Statement kUnlock{"outbox_unlock", kUnlockStatement};
  for (const std::int64_t table : tables) {
    Parameters parameters;
    parameters.int8(table);
    if (!session_->run(kUnlock, parameters, Deadline::in(kShortCall))) session_->close();
    locked_tables_.erase(table);
  }
}

void SharedSession::give_back() {
  if (!session_->rollback(Deadline::in(kShortCall))) session_->close();
  std::vector<std::string> channels;
  const auto hears = [this] {
    std::lock_guard lock(mutex_);
    return hears_ == Hears::kChannels;
  };
  // What came meanwhile is to be heard also where nobody finds the time to listen, or nobody listens any more: else it
  // would be kept.
  if (hears())
    if (auto heard = session_->wait_notified(Deadline::in({}))) channels = *std::move(heard);
  std::lock_guard lock(mutex_);
  last_round_trip_ = std::chrono::steady_clock::now();
  let_go(channels);
}

void SharedSession::let_go(const std::vector<std::string>& channels) {
  for (Ear* ear : ears_)
    if (std::ranges::count(channels, ear->channel) > 0) ear->notified = true;
  if (session_->broken()) course_ = Course::kEnded;
  holder_ = Holder::kNobody;
  changed_.notify_all();
}

Result<bool> SharedSession::wait_notified(Ear& ear, Deadline deadline, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  const auto may_listen = [&] { return holder_ == Holder::kNobody && queue_.empty(); };
  for (;;) {
    if (std::exchange(ear.notified, false)) return true;
    if (course_ == Course::kEnded) return session_ended();
    if (stop.stop_requested() || deadline.expired()) return false;
    if (may_listen()) {
      listen(lock, deadline, stop);
      continue;
    }
    changed_.wait_until(lock, stop, deadline.time(),
                        [&] { return ear.notified || course_ == Course::kEnded || may_listen(); });
  }
}

void SharedSession::listen(std::unique_lock<std::mutex>& lock, Deadline deadline, const std::stop_token& stop) {
  holder_ = Holder::kListener;
  std::stop_source listener;
  listener_ = listener;
  lock.unlock();
  std::vector<std::string> channels;
  {
    const std::stop_callback end_with_caller(stop, [&listener] { listener.request_stop(); });
    if (auto heard = session_->wait_notified(deadline, listener.get_token())) channels = *std::move(heard);
  }
  lock.lock();
  let_go(channels);
}

Turn::~Turn() {
  if (shared_ != nullptr) shared_->give_back();
}

std::unique_ptr<Seat> Seat::take(std::shared_ptr<SharedSession> session) {
  if (!session->sit_down()) return nullptr;
  return std::unique_ptr<Seat>(new Seat(std::move(session)));
}

Seat::~Seat() { shared_->leave(ear_, locked_table_, leave_); }

Statement Seat::statement(const Turn&, std::string_view name, std::string sql) {
  auto& names = shared_->statement_names_;
  const auto known = names.try_emplace(sql, std::string(name) + "_" + std::to_string(names.size())).first;
  return {known->second, std::move(sql)};
}

Result<Turn> Seat::take_turn(Deadline deadline, const std::stop_token& stop) {
  if (auto got = shared_->wait_for_turn(deadline, stop); !got) return fail(std::move(got.error()));
  return Turn(*shared_);
}

// A session gets a lock of its own again at once, so who shares it is asked first.
Result<bool> Seat::try_lock(const Turn& turn, std::int64_t table_oid, Deadline deadline, const std::stop_token& stop) {
  if (shared_->locked_tables_.contains(table_oid)) return false;
  static const Statement kTryLock{"", kTryLockStatement};
  Parameters table;
  table.int8(table_oid);
  const auto locked = turn.session().run(kTryLock, table, deadline, stop);
  if (!locked) return fail(locked.error());
  if (!locked->boolean(0, 0)) return false;
  shared_->locked_tables_.insert(table_oid);
  locked_table_ = table_oid;
  return true;
}

Status Seat::listen(const Turn& turn, const std::string& channel, Deadline deadline, const std::stop_token& stop) {
  const auto listening = turn.session().execute("LISTEN " + quoted_identifier(channel), deadline, stop);
  if (!listening) return fail(listening.error());
  std::lock_guard lock(shared_->mutex_);
  ear_.channel = channel;
  shared_->ears_.insert(&ear_);
  shared_->hears_ = SharedSession::Hears::kChannels;
  return {};
}

Result<bool> Seat::wait_notified(Deadline deadline, const std::stop_token& stop) {
  return shared_->wait_notified(ear_, deadline, stop);
}

Status Seat::stay_awake(Deadline deadline, const std::stop_token& stop) {
  const auto is_quiet = [this] {
    std::lock_guard lock(shared_->mutex_);
    return shared_->course_ == SharedSession::Course::kEnded ||
           std::chrono::steady_clock::now() - shared_->last_round_trip_ >= kQuietBeforePing;
  };
  if (!is_quiet()) return {};
  const auto turn = take_turn(deadline, stop);
  if (!turn) return fail(turn.error());
  if (!is_quiet()) return {};
  static const Statement kPing{"outbox_ping", "SELECT 1"};
  if (const auto answer = turn->session().run(kPing, {}, Deadline::in(kShortCall), stop); !answer)
    return fail(answer.error());
  return {};
}

}  // namespace penstock::outbox
