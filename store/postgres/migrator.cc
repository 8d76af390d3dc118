#include "store/postgres/migrator.h"

namespace penstock::store::postgres {
namespace {

constexpr std::chrono::seconds kConnecting{10};
constexpr std::chrono::seconds kAnother{60};  // how long another program's migration is waited for
constexpr std::chrono::hours kRunning{24};    // a migration of a large table takes what it takes

tl::unexpected<Error> while_doing(Error error, const std::string& doing) {
  return fail(std::move(error).with_context(doing));
}

MigrationPlan plan_from(int current, const Schema& schema) {
  MigrationPlan plan{current, {}};
  for (Migration& migration : embedded_migrations()) {
    if (migration.number <= current) continue;
    migration.sql = schema.expand(migration.sql);
    plan.pending.push_back(std::move(migration));
  }
  return plan;
}

Status create_schema(Session& session, const Schema& schema, Deadline deadline) {
  // IF NOT EXISTS would ask for the right to create schemas also where an administrator made it.
  auto known =
      session.execute("SELECT FROM pg_catalog.pg_namespace WHERE nspname = " + quote_literal(schema.name()), deadline);
  if (!known) return fail(std::move(known.error()));
  if (!known->empty()) return {};
  auto made = session.execute("CREATE SCHEMA " + quote_identifier(schema.name()), deadline);
  if (!made) return while_doing(std::move(made.error()), "creating schema " + schema.name());
  return {};
}

Status apply(Session& session, const Schema& schema, const Migration& migration) {
  const std::string sql = "BEGIN;" + migration.sql +
                          schema.expand("\n;INSERT INTO @schema@.migrations (number, name) VALUES (") +
                          std::to_string(migration.number) + ", " + quote_literal(migration.name) + "); COMMIT";
  auto done = session.execute(sql, Deadline::in(kRunning));
  if (done) return {};
  (void)session.rollback(Deadline::in(kConnecting));
  return while_doing(std::move(done.error()),
                     "migration " + std::to_string(migration.number) + " (" + migration.name + ")");
}

Status run_pending(Session& session, const Schema& schema, Log& log) {
  const Deadline deadline = Deadline::in(kConnecting);
  auto current = load_schema_number(session, schema, deadline);
  if (!current) return fail(std::move(current.error()));
  if (auto fits = check_not_too_new(*current, schema); !fits) return fits;
  const MigrationPlan plan = plan_from(*current, schema);
  if (plan.pending.empty()) return {};
  if (session.server().role == ServerFacts::Role::kStandby)
    return fail(codes::kStoreReadOnly, "the server is a standby: the schema can only be migrated on the primary");
  if (auto created = create_schema(session, schema, deadline); !created) return created;
  for (const Migration& migration : plan.pending) {
    if (auto applied = apply(session, schema, migration); !applied) return applied;
    log.info("store", "migrated the schema",
             {{"schema", schema.name()}, {"migration", migration.name}, {"number", std::to_string(migration.number)}});
  }
  return {};
}

}  // namespace

Result<int> load_schema_number(Session& session, const Schema& schema, Deadline deadline) {
  auto table = session.execute(
      "SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
      " WHERE c.relname = 'migrations' AND n.nspname = " +
          quote_literal(schema.name()),
      deadline);
  if (!table) return fail(std::move(table.error()));
  if (table->empty()) return 0;
  auto number = session.execute(schema.expand("SELECT coalesce(max(number), 0) FROM @schema@.migrations"), deadline);
  if (!number) return fail(std::move(number.error()));
  return static_cast<int>(number->integer(0, 0));
}

Status check_not_too_new(int number, const Schema& schema) {
  const int newest = embedded_migrations().back().number;
  if (number <= newest) return {};
  return fail(codes::kStoreSchemaTooNew, "schema " + schema.name() + " is at migration " + std::to_string(number) +
                                             ", this program knows only up to " + std::to_string(newest));
}

Result<MigrationPlan> plan_migration(SessionOpener& opener) {
  auto session = opener.open_unchecked("plan", Deadline::in(kConnecting));
  if (!session) return fail(std::move(session.error()));
  auto current = load_schema_number(**session, opener.schema(), Deadline::in(kConnecting));
  if (!current) return fail(std::move(current.error()));
  if (auto fits = check_not_too_new(*current, opener.schema()); !fits) return fail(std::move(fits.error()));
  return plan_from(*current, opener.schema());
}

Status run_migration(SessionOpener& opener, Log& log) {
  auto opened = opener.open_unchecked("migrate", Deadline::in(kConnecting));
  if (!opened) return fail(std::move(opened.error()));
  Session& session = **opened;
  const Schema& schema = opener.schema();
  const std::string lock =
      "pg_catalog.hashtextextended(" + quote_literal("penstock." + schema.name() + ".migrate") + ", 0)";
  const Deadline deadline = Deadline::in(kAnother + kConnecting);
  auto locked = session.execute("SET lock_timeout = '" + std::to_string(kAnother.count()) +
                                    "s'; SELECT pg_catalog.pg_advisory_lock(" + lock + "); SET lock_timeout = '5s'",
                                deadline);
  if (!locked) return while_doing(std::move(locked.error()), "waiting for another program's migration");
  auto done = run_pending(session, schema, log);
  session.close();  // frees the lock, also after a failure in the middle
  return done;
}

}  // namespace penstock::store::postgres
