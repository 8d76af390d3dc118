// What may be altered under a source that reads a Postgres outbox, and makes it miss rows without an error of the
// server: it is looked at in the transaction of a scan, behind it, and refused in the words of the opening.
#pragma once

#include <string>

#include "connectors/outbox/outbox_settings.h"
#include "connectors/outbox/postgres_columns.h"
#include "store/postgres/session.h"

namespace penstock::outbox {

// One row. Its parameters are watch_parameters().
std::string watch_statement();
store::postgres::Parameters watch_parameters(const PostgresColumns& table, const OutboxSettings& settings);

// Takes what the look has shown over into `table`. Errors: outbox.refused where another table has got its name, and
// those of check_postgres_columns().
Status check_watched(PostgresColumns& table, const OutboxSettings& settings, const store::postgres::Rows& answer);

}  // namespace penstock::outbox
