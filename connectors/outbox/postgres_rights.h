// What the role of a source may do in its database, held against what its policy needs. Pure.
#pragma once

#include <string>

#include "connectors/outbox/outbox_settings.h"
#include "connectors/outbox/postgres_columns.h"

namespace penstock::outbox {

// "DELETE on table shop.outbox", each right that the role lacks; empty: none. What is not there is not missed.
std::string missing_rights(const PostgresColumns& columns, const OutboxSettings& settings);

// "role penstock lacks DELETE on table shop.outbox, which policy "delete" needs"
std::string words_of_missing_rights(const PostgresColumns& columns, const OutboxSettings& settings);

// All that the policy needs, and nothing more.
std::string grant_statement(const PostgresColumns& columns, const OutboxSettings& settings);

// What hides rows, what becomes of them when they are polled, and the statement that shows them; for a table that
// hides_rows.
std::string words_of_hidden_rows(const PostgresColumns& columns, const OutboxSettings& settings);
std::string words_of_missed_rows(const PostgresColumns& columns, const OutboxSettings& settings);
std::string statement_that_shows_rows(const PostgresColumns& columns, const OutboxSettings& settings);

}  // namespace penstock::outbox
