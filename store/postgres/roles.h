// Who may do what with a store: the SQL that an administrator runs once, and after each migration.
#pragma once

#include <string>

#include "store/postgres/schema.h"

namespace penstock::store::postgres {

// Four roles without a login, named after the schema: <schema>_owner owns everything, <schema>_runtime
// is what the program needs, <schema>_appender may only call the functions that append,
// <schema>_reader only reads. Safe to run again.
std::string roles_sql(const Schema& schema);

}  // namespace penstock::store::postgres
