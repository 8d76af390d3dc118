// What is wrong with a table in a Postgres database for the way that it is read, and what mends it. Pure: it goes by
// what postgres_columns.h has found.
#pragma once

#include <string>

#include "connectors/outbox/postgres_columns.h"

namespace penstock::outbox {

// What keeps the table from being read, the first thing first; the message holds the statement that
// mends it.
Status check_postgres_columns(const PostgresColumns& columns, const OutboxSettings& settings);

// Why the sequence of the order column makes policy "cursor" with guard "writers" pass rows in silence; empty where it
// does not.
std::string why_numbers_are_passed(const PostgresColumns& columns, const OutboxSettings& settings);
// What to do about it.
std::string statement_that_mends_sequence(const PostgresColumns& columns);

// The unique index that lets numbers, or ids, tell rows apart; where the server can't make it, what to do instead.
std::string cure_of_repeated_order(const PostgresColumns& columns, const OutboxSettings& settings);
std::string cure_of_repeated_id(const PostgresColumns& columns, const OutboxSettings& settings);

// A name for a column to order by that the table does not have yet; the configured one if that is free.
std::string name_for_order_column(const PostgresColumns& columns, const OutboxSettings& settings);

// For a side table of policy "track" that is there and lacks the key, or has ids of another type. What it holds stays.
std::string statement_that_mends_settled_table(const PostgresColumns& columns, const OutboxSettings& settings);

}  // namespace penstock::outbox
