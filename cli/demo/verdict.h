// What `penstock demo` concludes: compares what a writer committed with what a consumer saw.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/ids.h"

namespace penstock::cli {

struct Verdict {
  std::size_t committed = 0;
  std::size_t delivered = 0;     // different committed events that arrived
  std::size_t lost = 0;          // committed, never arrived
  std::size_t out_of_order = 0;  // arrived before an earlier event of their key had
  std::size_t duplicates = 0;    // arrivals of an event that had arrived before
  std::size_t unknown = 0;       // arrived, though they were never committed
  std::size_t altered = 0;       // arrived with another key or other bytes than they were committed with

  // Duplicates are allowed: each has the id and the bytes of the first.
  bool promise_held() const { return lost == 0 && out_of_order == 0 && unknown == 0 && altered == 0 && delivered > 0; }
};

// Threads: one caller at a time.
class Ledger {
 public:
  // In the order of their commits.
  void commit(const EventId& id, std::string_view key, std::string_view payload);
  // In the order of arrival. `id` is the text that came with the message.
  void arrive(std::string_view id, std::string_view key, std::string_view payload);

  bool complete() const { return verdict_.delivered == verdict_.committed; }
  Verdict verdict() const;

 private:
  struct Fate {
    std::string key;
    std::size_t bytes_digest;
    std::size_t number;  // of this event among those of its key, from 0
    bool arrived = false;
  };
  struct KeyProgress {
    std::size_t committed = 0;
    std::size_t reached = 0;  // one more than the highest number that has arrived
  };

  Verdict verdict_;
  std::unordered_map<EventId, Fate> fates_;
  std::unordered_map<std::string, KeyProgress> keys_;
};

}  // namespace penstock::cli
