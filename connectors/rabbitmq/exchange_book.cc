#include "connectors/rabbitmq/exchange_book.h"

#include "core/invariant.h"

namespace penstock::rabbitmq {
namespace {

constexpr std::chrono::seconds kMissingFor{1};
constexpr std::size_t kMostEntries = 4'096;  // names can come out of events

}  // namespace

ExchangeBook::Known ExchangeBook::find(std::string_view exchange, Time now) const {
  if (exchange.empty()) return Known::kThere;  // the default exchange always is
  const auto entry = entries_.find(exchange);
  if (entry == entries_.end()) return Known::kUnknown;
  if (!entry->second.missing) return Known::kThere;
  return now < entry->second.until ? Known::kMissing : Known::kUnknown;
}

std::shared_ptr<const Error> ExchangeBook::why_missing(std::string_view exchange) const {
  const auto entry = entries_.find(exchange);
  INVARIANT(entry != entries_.end() && entry->second.missing, "only a missing exchange has a reason");
  return entry->second.missing;
}

void ExchangeBook::found(std::string_view exchange) { put(exchange, {.missing = nullptr, .until = {}}); }

void ExchangeBook::missed(std::string_view exchange, Error why, Time now) {
  put(exchange, {.missing = std::make_shared<const Error>(std::move(why)), .until = now + kMissingFor});
}

void ExchangeBook::put(std::string_view exchange, Entry entry) {
  if (entries_.size() >= kMostEntries) entries_.clear();
  entries_.insert_or_assign(std::string(exchange), std::move(entry));
}

}  // namespace penstock::rabbitmq
