#include "connectors/outbox/source_sessions.h"

#include <algorithm>

#include "connectors/outbox/outbox_errors.h"
#include "connectors/outbox/postgres_statements.h"

namespace penstock::outbox {
namespace {

using std::chrono::seconds;

// The server ends a session that says nothing for so long, so that a paused owner loses its locks;
// a living one makes a round trip each second.
constexpr seconds kIdleSessionTimeout{5};
// A scan from the lowest number on passes every dead row that vacuum has not removed.
constexpr seconds kLongestStatement{60};
// Where others wait for it. Who needs longer gets a session of its own.
constexpr seconds kLongestSharedStatement{4}, kLongestSharedLockWait{2};

// A server that has no room for a session is not helped by many that ask.
constexpr seconds kBetweenTries{1};

store::postgres::SessionSettings settings_of(const SeatWish& wish, Company company) {
  store::postgres::SessionSettings session;
  session.url = wish.url;
  session.code_of = code_of_postgres;
  session.idle_session_timeout = kIdleSessionTimeout;
  session.texts = store::postgres::SessionSettings::Texts::kAsStored;
  session.parameters = scan_session_parameters();
  if (company == Company::kAlone) {
    session.application_name = "penstock source " + wish.source_name + " " + wish.instance;
    session.statement_timeout = kLongestStatement;
  } else {
    session.application_name = "penstock sources " + wish.instance;
    session.statement_timeout = kLongestSharedStatement;
    session.lock_timeout = kLongestSharedLockWait;
  }
  return session;
}

Result<std::unique_ptr<Seat>> open_session(const SeatWish& wish, Company company, Deadline deadline,
                                           const std::stop_token& stop, std::weak_ptr<SharedSession>& opened) {
  auto session = SharedSession::open(settings_of(wish, company), company, deadline, stop);
  if (!session) return fail(std::move(session.error()));
  opened = *session;
  return Seat::take(*std::move(session));
}

}  // namespace

SourceSessions::SourceSessions(std::span<const Secret> urls) {
  for (const Secret& url : urls) {
    const auto sources = std::ranges::count(urls, url.reveal(), &Secret::reveal);
    if (static_cast<std::size_t>(sources) > kSessionsOfADatabase && find(url) == nullptr)
      databases_.push_back({url, {}});
  }
}

SourceSessions::Database* SourceSessions::find(const Secret& url) {
  const auto found = std::ranges::find(databases_, url.reveal(), [](const Database& one) { return one.url.reveal(); });
  return found == databases_.end() ? nullptr : &*found;
}

Result<std::unique_ptr<Seat>> SourceSessions::take_seat(const SeatWish& wish, Deadline deadline,
                                                        const std::stop_token& stop) {
  Database* const shared = wish.company == Company::kShared ? find(wish.url) : nullptr;
  if (shared == nullptr) return take_seat_alone(wish, deadline, stop);
  Database& database = *shared;
  std::unique_lock lock(mutex_);
  for (const std::uint64_t begun_before = database.begun;;) {
    std::erase_if(database.sessions, [](const std::weak_ptr<SharedSession>& one) {
      const auto session = one.lock();
      return session == nullptr || !session->is_open();
    });
    const auto& refusal = database.refusal;
    const SteadyTime next_try = refusal ? refusal->at + kBetweenTries : SteadyTime::min();
    const std::size_t at_once = refusal ? 1 : kSessionsOfADatabase;
    if (database.sessions.size() + database.opening < kSessionsOfADatabase && database.opening < at_once &&
        std::chrono::steady_clock::now() >= next_try)
      break;
    if (auto seat = join_shortest(database)) return seat;
    if (refusal && refusal->opening > begun_before) return fail(refusal->error);
    const auto anything_new = [&, ended = database.ended] { return database.ended != ended; };
    const SteadyTime until = refusal && database.opening == 0 ? std::min(next_try, deadline.time()) : deadline.time();
    if (!changed_.wait_until(lock, stop, until, anything_new) && (stop.stop_requested() || deadline.expired()))
      return fail(codes::kOutboxBusy, "other sources of this database are still connecting");
  }
  const std::uint64_t opening = ++database.begun;
  ++database.opening;
  lock.unlock();
  std::weak_ptr<SharedSession> session;
  auto seat = open_session(wish, Company::kShared, deadline, stop, session);
  lock.lock();
  --database.opening;
  ++database.ended;
  database.refusal.reset();
  if (seat)
    database.sessions.push_back(std::move(session));
  else if (&seat.error().code() != &codes::kStopped)
    database.refusal = Refusal{seat.error(), std::chrono::steady_clock::now(), opening};
  changed_.notify_all();
  return seat;
}

std::unique_ptr<Seat> SourceSessions::join_shortest(const Database& database) {
  std::shared_ptr<SharedSession> shortest;
  for (const std::weak_ptr<SharedSession>& one : database.sessions)
    if (auto session = one.lock())
      if (!shortest || session->seats() < shortest->seats()) shortest = std::move(session);
  return shortest ? Seat::take(std::move(shortest)) : nullptr;
}

Result<std::unique_ptr<Seat>> take_seat_alone(const SeatWish& wish, Deadline deadline, const std::stop_token& stop) {
  std::weak_ptr<SharedSession> session;
  return open_session(wish, Company::kAlone, deadline, stop, session);
}

}  // namespace penstock::outbox
