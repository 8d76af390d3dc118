// Where the broker let us know that we may not publish. A refused publish closes the channel and everything on it, so
// what was refused once is asked for beside the channel (destination_scout.h) before it is published to again.
//
// The broker refuses a whole exchange, or single routing keys of a topic exchange; then each further key of that
// exchange is asked for. Single-threaded, bounded.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/error.h"

namespace penstock::rabbitmq {

struct RefusedWrite {
  std::string exchange;
  std::optional<std::string> routing_key;  // only this one of the exchange
};

// "… write access to topic 'k' in exchange 'x' in vhost '/' refused for user 'u'" → x, k. nullopt for other words, and
// for words that were cut: the broker sends at most 255 bytes of them.
std::optional<RefusedWrite> find_refused_write(std::string_view reply_text);

// Whether the broker refused one routing key, not the exchange.
bool is_about_routing_key(const Error& refusal);

class RightsBook {
 public:
  using Time = std::chrono::steady_clock::time_point;

  enum class Right { kAssumed, kDoubted, kRefused };
  // kRefused turns into kDoubted after a second: it may have been granted since.
  Right find(std::string_view exchange, std::string_view routing_key, Time now) const;
  // Of a refused one.
  std::shared_ptr<const Error> why_refused(std::string_view exchange, std::string_view routing_key, Time now) const;

  void refused(const RefusedWrite& what, Error why, Time now);
  // One of its routing keys was refused; which one isn't known.
  void doubt(std::string_view exchange);
  bool doubts(std::string_view exchange) const;
  void granted(std::string_view exchange, std::string_view routing_key);

 private:
  struct Refusal {
    std::shared_ptr<const Error> why;  // null: granted
    Time until;
    bool stands(Time now) const { return why && now < until; }
  };
  struct Exchange {
    Refusal whole;
    enum class Asked { kOnce, kForEachKey } asked = Asked::kOnce;
    std::map<std::string, Refusal, std::less<>> keys;
  };
  Exchange& at(std::string_view exchange);
  static void put(Exchange& exchange, std::string_view routing_key, Refusal refusal);

  std::map<std::string, Exchange, std::less<>> exchanges_;  // those that we were refused at
};

}  // namespace penstock::rabbitmq
