// What the failures of the two databases mean to an outbox: one switch for each vocabulary.
#pragma once

#include <cstdint>

#include "connectors/outbox/table_name.h"
#include "core/error.h"
#include "store/postgres/session.h"

namespace penstock::outbox {

// For store::postgres::SessionSettings::code_of.
const ErrorCode& code_of_postgres(store::postgres::SqlCondition condition);

// Of a server that is on a timeline from before the one that was read.
Error former_primary(const TableName& table, std::int64_t timeline, std::int64_t read_before);

// Of a result code of SQLite, extended or not (sqlite.org/rescode.html).
const ErrorCode& code_of_sqlite(int result_code);

}  // namespace penstock::outbox
