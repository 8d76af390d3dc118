#include "store/postgres/postgres_leases.h"

#include "store/store_faults.h"

namespace penstock::store::postgres {
namespace {

constexpr std::chrono::seconds kCall{2};
constexpr std::chrono::milliseconds kShortest{500};

std::string lock_number(const Schema& schema) {
  return "hashtextextended('penstock.' || " + schema.expand("@schema_text@") + " || '.lease.' || $1, 0)";
}

std::string interval() { return "interval '" + std::to_string(kLeaseDuration.count()) + " seconds'"; }

}  // namespace

PostgresLeases::PostgresLeases(SessionOpener& opener)
    : opener_(opener),
      try_lock_{"try_lock_lease", "SELECT pg_try_advisory_lock(" + lock_number(opener.schema()) + ")"},
      unlock_{"unlock_lease", "SELECT pg_advisory_unlock(" + lock_number(opener.schema()) + ")"},
      take_{"take_lease",
            opener.schema().expand("INSERT INTO @schema@.leases AS l (name, owner, epoch, expires_at, locked)"
                                   // Waits for an import that begins just now, and for nothing else.
                                   " SELECT $1, $2, 1, clock_timestamp() + " +
                                   interval() +
                                   ", $3 FROM @schema@.head h WHERE h.id = 1 AND NOT h.importing FOR KEY SHARE"
                                   " ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, epoch = l.epoch + 1,"
                                   " expires_at = clock_timestamp() + " +
                                   interval() +
                                   ", locked = excluded.locked"
                                   " WHERE l.owner IN ('', excluded.owner) OR l.expires_at <= clock_timestamp()"
                                   " OR (l.locked AND excluded.locked) RETURNING l.epoch")},
      owner_{"lease_owner", opener.schema().expand("SELECT l.owner, h.importing FROM @schema@.head h"
                                                   " LEFT JOIN @schema@.leases l ON l.name = $1 WHERE h.id = 1")},
      renew_{"renew_lease",
             opener.schema().expand("UPDATE @schema@.leases l SET expires_at = clock_timestamp() + " + interval() +
                                    ", locked = $4 WHERE l.name = $1 AND l.owner = $2 AND l.epoch = $3")},
      release_{"release_lease",
               opener.schema().expand("UPDATE @schema@.leases l SET owner = '', expires_at = clock_timestamp(),"
                                      " locked = false WHERE l.name = $1 AND l.owner = $2 AND l.epoch = $3")} {}

template <typename Use>
auto PostgresLeases::on_session(Use use) -> decltype(use(std::declval<Session&>(), Deadline::in({}))) {
  const Deadline deadline = Deadline::in(kCall);
  std::unique_lock lock(mutex_, deadline.time());
  // A call that begins too late would run into its deadline and so end a session that is well.
  if (!lock || deadline.remaining() < kShortest)
    return fail(codes::kStoreBusy, "the session of the leases is in use by other calls");
  for (;;) {
    const bool fresh = session_ == nullptr || session_->broken() || generation_ != opener_.generation();
    if (fresh) {
      locked_.clear();
      session_.reset();
      auto opened = opener_.open("leases", deadline);
      if (!opened) return fail(std::move(opened.error()));
      session_ = std::move(opened->session);
      generation_ = opened->generation;
    }
    auto answer = use(*session_, deadline);
    if (answer || fresh || !session_->broken() || session_->failure().condition != SqlCondition::kConnectionLost)
      return answer;
  }
}

Result<Lease> PostgresLeases::take(std::string_view name, std::string_view owner) {
  return on_session([&](Session& session, Deadline deadline) { return take_on(session, name, owner, deadline); });
}

Status PostgresLeases::renew(const Lease& lease) {
  return on_session([&](Session& session, Deadline deadline) { return renew_on(session, lease, deadline); });
}

Status PostgresLeases::release(const Lease& lease) {
  return on_session([&](Session& session, Deadline deadline) { return release_on(session, lease, deadline); });
}

Result<Lease> PostgresLeases::take_on(Session& session, std::string_view name, std::string_view owner,
                                      Deadline deadline) {
  auto locked = try_lock(session, name, deadline);
  if (!locked) return fail(std::move(locked.error()));
  Parameters row, key;
  row.text(name).text(owner).boolean(*locked);
  key.text(name);
  const Call calls[] = {{&take_, &row}, {&owner_, &key}};
  auto answers = session.run_pipeline(calls, deadline);
  if (!answers) return fail(std::move(answers.error()));
  const Rows& taken = (*answers)[0];
  if (!taken.empty()) return Lease{std::string(name), std::string(owner), Epoch{taken.integer(0, 0)}};
  const Rows& holder = (*answers)[1];
  if (*locked)
    if (auto freed = unlock(session, name, deadline); !freed) return fail(std::move(freed.error()));
  if (!holder.empty() && holder.boolean(0, 1)) return fail(import_unfinished());
  return fail(codes::kRelayStandby,
              "the lease " + std::string(name) + " is held by " +
                  (holder.empty() || holder.is_null(0, 0) ? "another instance" : std::string(holder.bytes(0, 0))));
}

Status PostgresLeases::renew_on(Session& session, const Lease& lease, Deadline deadline) {
  // A session that was opened anew has lost the locks of all leases.
  auto locked = try_lock(session, lease.name, deadline);
  if (!locked) return fail(std::move(locked.error()));
  Parameters row;
  row.text(lease.name).text(lease.owner).int8(lease.epoch.value).boolean(*locked);
  auto renewed = session.run(renew_, row, deadline);
  if (!renewed) return fail(std::move(renewed.error()));
  if (renewed->affected() == 1) return {};
  if (*locked)
    if (auto freed = unlock(session, lease.name, deadline); !freed) return freed;
  return fail(lease_lost(lease));
}

Status PostgresLeases::release_on(Session& session, const Lease& lease, Deadline deadline) {
  Parameters row;
  row.text(lease.name).text(lease.owner).int8(lease.epoch.value);
  auto released = session.run(release_, row, deadline);
  if (!released) return fail(std::move(released.error()));
  if (released->affected() == 0 || !locked_.contains(lease.name)) return {};
  return unlock(session, lease.name, deadline);
}

Result<bool> PostgresLeases::try_lock(Session& session, std::string_view name, Deadline deadline) {
  if (locked_.contains(name)) return true;
  Parameters key;
  key.text(name);
  auto got = session.run(try_lock_, key, deadline);
  if (!got) return fail(std::move(got.error()));
  if (!got->boolean(0, 0)) return false;
  locked_.emplace(name);
  return true;
}

Status PostgresLeases::unlock(Session& session, std::string_view name, Deadline deadline) {
  Parameters key;
  key.text(name);
  auto freed = session.run(unlock_, key, deadline);
  // A lock that we don't know of any more is freed with its session.
  if (!freed) session.close();
  locked_.erase(locked_.find(name));
  if (!freed) return fail(std::move(freed.error()));
  return {};
}

}  // namespace penstock::store::postgres
