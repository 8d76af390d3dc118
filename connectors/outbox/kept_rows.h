// Delivered rows that the database kept as they were though it reported no error. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "connectors/outbox/outbox_settings.h"
#include "core/error.h"

namespace penstock::outbox {

struct KeptRows {
  std::size_t count = 0;
  std::string first;  // its number; under policy "track" the id of one of them
};

// "table shop.outbox keeps 3 delivered rows": how each such refusal begins.
std::string words_of_kept_rows(const OutboxSettings& settings, std::size_t count);

// "a trigger, …": what may do so in Postgres.
extern const char* const kPostgresCulprit;

// outbox.refused. `culprit`: what may have done it, as "a trigger or a rule".
Error refused_settlement(const OutboxSettings& settings, const KeptRows& kept, std::string_view culprit);

}  // namespace penstock::outbox
