// Opens the sessions of one store, and decides whether they may be used.
//
// A session is handed out only if its server is a primary that this program has not seen a later
// timeline of, and its schema is the one this program knows. The first session that finds another
// cluster or timeline than the store was written under raises the incarnation.
//
// After a failure that waiting may heal nobody tries again before a short while has passed (0.1 s, growing to 1 s):
// calls in between get the same error at once, so that an outage brings no storm of connections.
//
// Thread-safe.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "store/checkpoints.h"
#include "store/postgres/schema.h"
#include "store/postgres/session.h"

namespace penstock::store::postgres {

struct StoreSession {
  std::unique_ptr<Session> session;
  StoreIdentity identity;        // of the store when the session was opened
  std::uint64_t generation = 0;  // of the opener, with that identity
};

class SessionOpener {
 public:
  SessionOpener(Secret url, Schema schema, std::string instance);

  // `role` becomes part of application_name. Errors, besides those of Session::open:
  // store.schema_missing, store.schema_too_new, store.read_only for a standby.
  Result<StoreSession> open(std::string_view role, Deadline deadline, std::stop_token stop = {});

  // Tries until it works, the deadline, or an error that no waiting heals.
  Result<StoreSession> open_patiently(std::string_view role, Deadline deadline, std::stop_token stop);

  // For migrations: no schema is asked for, and statements may take as long as they need.
  Result<std::unique_ptr<Session>> open_unchecked(std::string_view role, Deadline deadline);

  const Schema& schema() const { return schema_; }

  // Raised by the first session that finds the store under another identity than the sessions before. Those
  // are on a server that is no longer the primary, even where it lives on: they must not be used.
  std::uint64_t generation() const { return generation_; }

 private:
  SessionSettings settings_for(std::string_view role) const;
  Result<StoreSession> try_open(std::string_view role, Deadline deadline, const std::stop_token& stop);
  Result<StoreIdentity> check_store(Session& session, Deadline deadline, const std::stop_token& stop);
  std::uint64_t note(const StoreIdentity& identity);  // the generation
  Status check_server(const ServerFacts& server);
  Result<std::int64_t> raise_incarnation(Session& session, Deadline deadline);

  const Secret url_;
  const Schema schema_;
  const std::string instance_;
  const int newest_migration_;
  const Statement store_facts_, raise_, incarnation_;

  std::atomic<std::uint64_t> generation_ = 0;

  std::mutex mutex_;  // guards what follows
  std::condition_variable_any changed_;
  std::optional<Error> last_error_;
  SteadyTime next_try_{};
  Duration pause_{};
  std::optional<StoreIdentity> seen_identity_;
  std::string seen_system_;
  std::int64_t seen_timeline_ = 0;
};

}  // namespace penstock::store::postgres
