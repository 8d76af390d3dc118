#include "connectors/outbox/kept_rows.h"

#include "connectors/outbox/tracked_table.h"

namespace penstock::outbox {

std::string words_of_kept_rows(const OutboxSettings& settings, std::size_t count) {
  return "table " + settings.table.to_string() + " keeps " + std::to_string(count) + " delivered rows";
}

const char* const kPostgresCulprit = "a trigger, a rule or a row security policy";

Error refused_settlement(const OutboxSettings& settings, const KeptRows& kept, std::string_view culprit) {
  const std::string rows = std::to_string(kept.count) + " delivered rows";
  const std::string why = ", and they would be delivered again without end: " + std::string(culprit);
  if (std::holds_alternative<TrackRows>(settings.policy))
    return {codes::kOutboxRefused, "table " + settled_table(settings.table).to_string() + " doesn't take the ids of " +
                                       rows + ", " + kept.first + " among them" + why +
                                       " of that table undoes policy \"track\". Drop it"};
  return {codes::kOutboxRefused, words_of_kept_rows(settings, kept.count) + ", from `" + settings.order_by +
                                     "` = " + kept.first + " on, as they were" + why +
                                     " of the table undoes policy \"" + std::string(to_string(settings.policy)) +
                                     "\". Drop it, or take a policy that leaves the rows alone (cursor)"};
}

}  // namespace penstock::outbox
