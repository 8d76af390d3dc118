// The table beside an outbox in which policy "track" remembers the ids of settled rows: its name, and the
// statements that an operator runs for it. Penstock never creates it. Pure.
#pragma once

#include <string>

#include "connectors/outbox/outbox_settings.h"

namespace penstock::outbox {

// In the schema of the outbox, with `_settled` behind its name.
TableName settled_table(const TableName& outbox);

// The column that says which of two rows comes first: `order_by`, else the one that is mapped to occurred_at.
// Null where there is neither: rows come as they lie in the table.
const std::string* tracked_order(const OutboxSettings& settings);

// CREATE TABLE for the side table. `id_type` is needed for SQLite only, as the outbox declares it; Postgres is told
// to take the column as it is.
std::string create_settled_table_statement(const OutboxSettings& settings, const std::string& id_type);

// The index that the outbox must have on its id, and the one that leads along the order.
std::string create_id_index_statement(const OutboxSettings& settings);
std::string create_order_index_statement(const OutboxSettings& settings);

}  // namespace penstock::outbox
