#include "store/postgres/session_opener.h"

#include <algorithm>

#include "store/postgres/migrator.h"

namespace penstock::store::postgres {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds kFirstPause = 100ms, kLongestPause = 1000ms;

bool heals_by_waiting(const Error& error) {
  return error.kind() == ErrorKind::kUnavailable && error.code().name != codes::kStopped.name;
}

}  // namespace

SessionOpener::SessionOpener(Secret url, Schema schema, std::string instance)
    : url_(std::move(url)),
      schema_(std::move(schema)),
      instance_(std::move(instance)),
      newest_migration_(embedded_migrations().back().number),
      store_facts_{"store_facts", schema_.expand("SELECT (SELECT max(m.number) FROM @schema@.migrations m),"
                                                 " h.system_identifier, h.timeline, h.incarnation"
                                                 " FROM @schema@.head h WHERE h.id = 1")},
      raise_{"raise_incarnation",
             schema_.expand("UPDATE @schema@.head h SET incarnation = h.incarnation + 1, system_identifier = $1,"
                            " timeline = $2 WHERE h.id = 1 AND (h.system_identifier <> $1 OR h.timeline <> $2)")},
      incarnation_{"incarnation", schema_.expand("SELECT h.incarnation FROM @schema@.head h WHERE h.id = 1")} {}

SessionSettings SessionOpener::settings_for(std::string_view role) const {
  SessionSettings settings;
  settings.url = url_;
  settings.application_name = "penstock " + instance_ + " " + std::string(role);
  // Every statement is answered by an index. The statistics of a table that was empty a minute ago say
  // otherwise, and a plan that is made then stays. One that is made anew for each call costs more than the call.
  settings.parameters = {{"enable_seqscan", "off"},
                         {"enable_bitmapscan", "off"},
                         {"enable_hashjoin", "off"},
                         {"enable_mergejoin", "off"},
                         {"jit", "off"},
                         {"plan_cache_mode", "force_generic_plan"}};
  return settings;
}

Result<std::unique_ptr<Session>> SessionOpener::open_unchecked(std::string_view role, Deadline deadline) {
  SessionSettings settings = settings_for(role);
  settings.statement_timeout = 0ms;
  settings.parameters.clear();
  return Session::open(settings, deadline);
}

Result<StoreSession> SessionOpener::open(std::string_view role, Deadline deadline, std::stop_token stop) {
  {
    std::lock_guard lock(mutex_);
    if (last_error_ && std::chrono::steady_clock::now() < next_try_) return fail(*last_error_);
  }
  auto opened = try_open(role, deadline, stop);
  std::lock_guard lock(mutex_);
  if (opened) {
    last_error_.reset();
    pause_ = {};
  } else if (heals_by_waiting(opened.error())) {
    pause_ = std::clamp<Duration>(pause_ * 2, kFirstPause, kLongestPause);
    next_try_ = std::chrono::steady_clock::now() + pause_;
    last_error_ = opened.error();
  }
  return opened;
}

Result<StoreSession> SessionOpener::open_patiently(std::string_view role, Deadline deadline, std::stop_token stop) {
  for (;;) {
    auto opened = open(role, deadline, stop);
    if (opened || !heals_by_waiting(opened.error())) return opened;
    std::unique_lock lock(mutex_);
    if (next_try_ >= deadline.time()) return opened;
    changed_.wait_until(lock, stop, next_try_, [] { return false; });
    if (stop.stop_requested()) return opened;
  }
}

Result<StoreSession> SessionOpener::try_open(std::string_view role, Deadline deadline, const std::stop_token& stop) {
  auto session = Session::open(settings_for(role), deadline, stop);
  if (!session) return fail(std::move(session.error()));
  if (auto fits = check_server((*session)->server()); !fits) return fail(std::move(fits.error()));
  auto identity = check_store(**session, deadline, stop);
  if (!identity) return fail(std::move(identity.error()));
  const std::uint64_t generation = note(*identity);
  return StoreSession{std::move(*session), std::move(*identity), generation};
}

std::uint64_t SessionOpener::note(const StoreIdentity& identity) {
  std::lock_guard lock(mutex_);
  if (seen_identity_ && *seen_identity_ != identity) ++generation_;
  seen_identity_ = identity;
  return generation_;
}

Status SessionOpener::check_server(const ServerFacts& server) {
  // A standby can show a later commit while it still misses an earlier one.
  if (server.role == ServerFacts::Role::kStandby) return fail(codes::kStoreReadOnly, "the server is a standby");
  std::lock_guard lock(mutex_);
  if (server.system_identifier == seen_system_ && server.timeline < seen_timeline_)
    return fail(codes::kStoreUnavailable, "the server is on timeline " + std::to_string(server.timeline) +
                                              ", but timeline " + std::to_string(seen_timeline_) +
                                              " was seen already: it is a former primary");
  seen_system_ = server.system_identifier;
  seen_timeline_ = server.timeline;
  return {};
}

Result<StoreIdentity> SessionOpener::check_store(Session& session, Deadline deadline, const std::stop_token& stop) {
  auto facts = session.run(store_facts_, {}, deadline, stop);
  if (!facts) {
    const bool missing = session.failure().condition == SqlCondition::kObjectMissing;
    return missing ? fail(codes::kStoreSchemaMissing, "schema " + schema_.name() + " does not exist or has no tables")
                   : fail(std::move(facts.error()));
  }
  if (facts->empty()) return fail(codes::kStoreCorrupt, "schema " + schema_.name() + ": the row of head is gone");
  const int number = static_cast<int>(facts->integer(0, 0));
  if (auto fits = check_not_too_new(number, schema_); !fits) return fail(std::move(fits.error()));
  if (number < newest_migration_)
    return fail(codes::kStoreSchemaMissing, "schema " + schema_.name() + " is at migration " + std::to_string(number) +
                                                ", this program needs " + std::to_string(newest_migration_));
  StoreIdentity identity{std::string(facts->bytes(0, 1)), facts->integer(0, 2), facts->integer(0, 3)};
  const ServerFacts& server = session.server();
  if (identity.system_identifier != server.system_identifier || identity.timeline != server.timeline) {
    auto raised = raise_incarnation(session, deadline);
    if (!raised) return fail(std::move(raised.error()));
    identity = {server.system_identifier, server.timeline, *raised};
  }
  return identity;
}

Result<std::int64_t> SessionOpener::raise_incarnation(Session& session, Deadline deadline) {
  Parameters server;
  server.text(session.server().system_identifier).int8(session.server().timeline);
  // Two sessions may find the change at once; the second finds nothing left to raise.
  const Call calls[] = {{&raise_, &server}, {&incarnation_, nullptr}};
  auto answers = session.run_pipeline(calls, deadline);
  if (!answers) return fail(std::move(answers.error()).with_context("raising the incarnation of the store"));
  return (*answers)[1].integer(0, 0);
}

}  // namespace penstock::store::postgres
