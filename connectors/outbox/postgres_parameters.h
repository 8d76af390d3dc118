// What the statements that read and settle rows in Postgres (postgres_statements.h) are given. Pure.
#pragma once

#include <cstddef>
#include <span>

#include "connectors/outbox/low_mark.h"
#include "connectors/outbox/postgres_columns.h"
#include "connectors/outbox/rows_in_flight.h"
#include "store/postgres/session.h"

namespace penstock::outbox {

// Of a scan for at most so many rows, whose long columns together have at most so many bytes.
store::postgres::Parameters scan_parameters(const ScanPlan& plan, std::size_t rows, std::size_t column_bytes);

// Of the rows by their numbers and their ids, which stand in column `id`.
store::postgres::Parameters settle_parameters(std::span<const RowKey> rows, const PostgresColumn& id);

}  // namespace penstock::outbox
