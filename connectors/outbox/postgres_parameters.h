// What the statements that read and settle rows in Postgres (postgres_statements.h) are given. Pure.
#pragma once

#include <cstddef>
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

store::postgres::Parameters scan_parameters(const ScanPlan& plan, const FetchBounds& bounds);

// Of the rows by their numbers and their ids, which stand in column `id`.
store::postgres::Parameters settle_parameters(std::span<const RowKey> rows, const PostgresColumn& id);

}  // namespace penstock::outbox
