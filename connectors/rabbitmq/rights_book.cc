#include "connectors/rabbitmq/rights_book.h"

#include "core/invariant.h"

namespace penstock::rabbitmq {
namespace {

constexpr std::chrono::seconds kRefusedFor{1};
// Names can come out of events.
constexpr std::size_t kMostExchanges = 256;
constexpr std::size_t kMostKeys = 1'024;

constexpr std::string_view kTopic = "access to topic '";
constexpr std::string_view kInExchange = "' in exchange '";
constexpr std::string_view kExchange = "exchange '";
constexpr std::string_view kInVhost = "' in vhost '";

}  // namespace

std::optional<RefusedWrite> find_refused_write(std::string_view reply_text) {
  const auto end = reply_text.rfind(kInVhost);
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view named = reply_text.substr(0, end);
  if (const auto topic = named.find(kTopic); topic != std::string_view::npos) {
    const std::string_view rest = named.substr(topic + kTopic.size());
    const auto between = rest.rfind(kInExchange);
    if (between == std::string_view::npos) return std::nullopt;
    return RefusedWrite{std::string(rest.substr(between + kInExchange.size())), std::string(rest.substr(0, between))};
  }
  const auto exchange = named.find(kExchange);
  if (exchange == std::string_view::npos) return std::nullopt;
  return RefusedWrite{std::string(named.substr(exchange + kExchange.size())), std::nullopt};
}

bool is_about_routing_key(const Error& refusal) {
  const auto refused = find_refused_write(refusal.message());
  return refused && refused->routing_key;
}

RightsBook::Right RightsBook::find(std::string_view exchange, std::string_view routing_key, Time now) const {
  const auto found = exchanges_.find(exchange);
  if (found == exchanges_.end()) return Right::kAssumed;
  const Exchange& entry = found->second;
  if (entry.whole.stands(now)) return Right::kRefused;
  if (entry.whole.why || entry.asked == Exchange::Asked::kOnce) return Right::kDoubted;
  const auto key = entry.keys.find(routing_key);
  if (key == entry.keys.end()) return Right::kDoubted;
  if (!key->second.why) return Right::kAssumed;
  return key->second.stands(now) ? Right::kRefused : Right::kDoubted;
}

std::shared_ptr<const Error> RightsBook::why_refused(std::string_view exchange, std::string_view routing_key,
                                                     Time now) const {
  const auto found = exchanges_.find(exchange);
  INVARIANT(found != exchanges_.end(), "only what was refused has a reason");
  if (found->second.whole.stands(now)) return found->second.whole.why;
  const auto key = found->second.keys.find(routing_key);
  INVARIANT(key != found->second.keys.end() && key->second.why, "only what was refused has a reason");
  return key->second.why;
}

void RightsBook::refused(const RefusedWrite& what, Error why, Time now) {
  Exchange& exchange = at(what.exchange);
  Refusal refusal{.why = std::make_shared<const Error>(std::move(why)), .until = now + kRefusedFor};
  if (!what.routing_key) {
    exchange.whole = std::move(refusal);
    return;
  }
  exchange.whole = {};
  exchange.asked = Exchange::Asked::kForEachKey;
  put(exchange, *what.routing_key, std::move(refusal));
}

void RightsBook::doubt(std::string_view exchange) { at(exchange).asked = Exchange::Asked::kForEachKey; }

bool RightsBook::doubts(std::string_view exchange) const { return exchanges_.find(exchange) != exchanges_.end(); }

void RightsBook::granted(std::string_view exchange, std::string_view routing_key) {
  Exchange& entry = at(exchange);
  entry.whole = {};
  if (entry.asked == Exchange::Asked::kOnce) {
    exchanges_.erase(exchanges_.find(exchange));
    return;
  }
  put(entry, routing_key, {});
}

RightsBook::Exchange& RightsBook::at(std::string_view exchange) {
  const auto found = exchanges_.find(exchange);
  if (found != exchanges_.end()) return found->second;
  if (exchanges_.size() >= kMostExchanges) exchanges_.clear();
  return exchanges_[std::string(exchange)];
}

void RightsBook::put(Exchange& exchange, std::string_view routing_key, Refusal refusal) {
  if (exchange.keys.size() >= kMostKeys) exchange.keys.clear();
  exchange.keys.insert_or_assign(std::string(routing_key), std::move(refusal));
}

}  // namespace penstock::rabbitmq
