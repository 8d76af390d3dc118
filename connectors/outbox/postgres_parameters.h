// What the statements that read and settle rows in Postgres (postgres_statements.h) are given. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>

#include "connectors/outbox/low_mark.h"
#include "connectors/outbox/postgres_columns.h"
#include "connectors/outbox/rows_in_flight.h"
#include "store/postgres/session.h"

namespace penstock::outbox {

// At most so many rows, of which each column has at most so many bytes.
struct FetchBounds {
  std::size_t rows, column_bytes;
};

// Rows that are too large and stay in the table: the hash of the id, by number.
using LargeRows = std::map<std::int64_t, std::int64_t>;

// `left_out`: of the plan's kept rows, those that need not be looked at.
store::postgres::Parameters scan_parameters(const ScanPlan& plan, const FetchBounds& bounds, const LargeRows& left_out);

// Of the rows by their numbers and their ids, which stand in column `id`.
store::postgres::Parameters settle_parameters(std::span<const RowKey> rows, const PostgresColumn& id);

}  // namespace penstock::outbox
