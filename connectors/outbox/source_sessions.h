// The sessions of all polled sources of one program: a database that has more sources than a few gets a few
// sessions, and its sources share them. Who needs one for itself can have it.
//
// Databases are told apart by the text of `url`. Thread-safe. Outlives the seats' sources.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "connectors/outbox/shared_session.h"
#include "core/secret.h"

namespace penstock::outbox {

// A database with no more sources than this shares nothing; one with more has so many shared sessions.
inline constexpr std::size_t kSessionsOfADatabase = 2;

struct SeatWish {
  Secret url;
  std::string source_name, instance;
  Company company = Company::kShared;  // kShared: where there is somebody to share with
};

class SourceSessions {
 public:
  // `urls`: one a source.
  explicit SourceSessions(std::span<const Secret> urls);

  // A database that refuses its sources is asked once a second for all of them: who waits meanwhile gets the answer to
  // the next try. Errors: those of SharedSession::open(); outbox.busy when others are still connecting at the deadline.
  Result<std::unique_ptr<Seat>> take_seat(const SeatWish& wish, Deadline deadline, const std::stop_token& stop);

 private:
  struct Refusal {
    Error error;
    SteadyTime at;
    std::uint64_t opening;  // which one of Database::begun
  };
  struct Database {
    Secret url;
    std::vector<std::weak_ptr<SharedSession>> sessions;
    std::size_t opening = 0;
    std::uint64_t begun = 0, ended = 0;  // openings so far
    std::optional<Refusal> refusal{};    // of the last opening that has ended, if it failed
  };
  Database* find(const Secret& url);
  static std::unique_ptr<Seat> join_shortest(const Database& database);

  std::mutex mutex_;  // not held during a call to a database; taken before a session's
  std::condition_variable_any changed_;
  std::vector<Database> databases_;  // that share; none is added later
};

// A session that is shared with nobody.
Result<std::unique_ptr<Seat>> take_seat_alone(const SeatWish& wish, Deadline deadline, const std::stop_token& stop);

}  // namespace penstock::outbox
