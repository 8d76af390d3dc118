// How a table of a SQLite file gets a number that names one row for ever, which SQLite adds to no table that is there:
// the table is made anew. Pure.
#pragma once

#include <string>

#include "connectors/outbox/sqlite_columns.h"

namespace penstock::outbox {

// The statements, which keep all that the table declares, its rows in their order, its indexes and its triggers, and
// what others say of it; or, where they can't be made of the one that created it, where to read how. `order`: a new
// column, or the one that holds the rowid already.
std::string rebuild_statement(const SqliteColumns& table, const TableName& name, const std::string& order);

}  // namespace penstock::outbox
