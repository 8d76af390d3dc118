// The codes of this connector for what Postgres answers.
#pragma once

#include "store/postgres/session.h"

namespace penstock::wal {

const ErrorCode& code_of_postgres(store::postgres::SqlCondition condition);

}  // namespace penstock::wal
