// What the failures of the two databases mean to an outbox: one switch for each vocabulary.
#pragma once

#include "core/error.h"
#include "store/postgres/session.h"

namespace penstock::outbox {

// For store::postgres::SessionSettings::code_of.
const ErrorCode& code_of_postgres(store::postgres::SqlCondition condition);

// Of a result code of SQLite, extended or not (sqlite.org/rescode.html).
const ErrorCode& code_of_sqlite(int result_code);

}  // namespace penstock::outbox
