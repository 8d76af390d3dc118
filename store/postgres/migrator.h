// Brings the schema to what this program needs: numbered migrations, run under an advisory lock.
#pragma once

#include "store/postgres/session_opener.h"
#include "store/store.h"

namespace penstock::store::postgres {

// Ascending from 1; part of the program.
std::vector<Migration> embedded_migrations();

// Number of the last migration that the database has; 0 without the schema.
Result<int> load_schema_number(Session& session, const Schema& schema, Deadline deadline);

// Error: store.schema_too_new.
Status check_not_too_new(int number, const Schema& schema);

Result<MigrationPlan> plan_migration(SessionOpener& opener);
Status run_migration(SessionOpener& opener, Log& log);

}  // namespace penstock::store::postgres
