#include "connectors/outbox/lost_numbers.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace penstock::outbox {
namespace {

std::string words_of(const SourceGaps::Recorded& record) {
  return "gap " + std::to_string(record.number) + " behind number " + std::to_string(record.gap.from.value) +
         " and up to " + std::to_string(record.gap.to.value);
}

// A source that reads the log has others, in places of the log.
bool is_of_numbers(const SourceGaps::Recorded& record) {
  return record.gap.reason == codes::kOutboxLostTail.name || record.gap.reason == codes::kOutboxCheckpointForeign.name;
}

}  // namespace

Status LostNumbers::put_on_record(const NumberLoss& loss, std::int64_t passed) {
  const auto known = records_behind(passed);
  if (!known) return fail(known.error());
  const bool named = std::ranges::any_of(*known, [&](const SourceGaps::Recorded& record) {
    return record.gap.from.value <= loss.from && loss.to <= record.gap.to.value;
  });
  if (named) return {};
  SourceGaps::Recorded added;
  added.gap = {std::string(loss.why.code().name), Position{loss.from}, Position{loss.to}};
  for (;; --added.gap.from.value) {
    const auto number = gaps_.record(source_name_, added.gap);
    if (!number) return fail(number.error());
    added.number = *number;
    // The same one was on record before, and was passed: it would be found acknowledged.
    if (added.number > passed) break;
  }
  log_.error("outbox",
             Error(loss.why.code(), loss.why.message() + ": " + words_of(added) +
                                        " is on record; what was delivered there is not what the table has"),
             {{"source", source_name_}});
  return {};
}

Result<std::optional<LostNumbers::Passage>> LostNumbers::find_passage(std::int64_t passed, const std::string& why) {
  const auto records = records_behind(passed);
  if (!records) return fail(records.error());
  if (records->empty()) return std::nullopt;
  Passage passage{std::numeric_limits<std::int64_t>::max(), passed};
  for (const SourceGaps::Recorded& record : *records) {
    if (!may_pass(record))
      return fail(
          *find_error_code(record.gap.reason),
          why + ": " + words_of(record) + " waits for `penstock gaps ack " + std::to_string(record.number) + "`");
    passage.behind = std::min(passage.behind, record.gap.from.value);
    passage.gap = std::max(passage.gap, record.number);
  }
  for (const SourceGaps::Recorded& record : *records)
    log_.info("outbox",
              words_of(record) +
                  (record.is == SourceGaps::Recorded::Is::kAcknowledged ? " is acknowledged" : " is on record") +
                  ": the source goes on with what the table has behind number " + std::to_string(passage.behind),
              {{"source", source_name_}});
  return passage;
}

Result<std::vector<SourceGaps::Recorded>> LostNumbers::records_behind(std::int64_t passed) {
  auto records = gaps_.list(source_name_, Position{std::numeric_limits<std::int64_t>::min()});
  if (!records) return fail(std::move(records.error()).with_context("looking for gap records"));
  std::erase_if(*records,
                [&](const SourceGaps::Recorded& record) { return record.number <= passed || !is_of_numbers(record); });
  return records;
}

bool LostNumbers::may_pass(const SourceGaps::Recorded& record) const {
  if (record.is == SourceGaps::Recorded::Is::kAcknowledged) return true;
  return on_lost_tail_ == connectors::OnLostTail::kContinue && record.gap.reason == codes::kOutboxLostTail.name;
}

}  // namespace penstock::outbox
