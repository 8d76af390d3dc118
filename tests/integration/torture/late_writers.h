// Services that commit late: sessions whose transactions stay open for up to two seconds after they have drawn their
// numbers, are rolled back whole or in part, or lie prepared for a while.
//
// A transaction writes one aggregate or two. It locks the row of each before it writes anything for it, so the order of
// a key is the order in which its writers commit, and counts its events there: what was rolled back leaves no hole.
// Every event goes into each outbox table, and into shop.written, which no relay reads: it is the truth.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <semaphore>
#include <string>
#include <thread>
#include <vector>

#include "core/clock.h"
#include "tests/support/history_checker.h"
#include "tests/support/servers.h"

namespace penstock::tests {

// Which events a table gets. Guard "xid" goes by when a transaction began to write. That is not yet the order of a key
// where writers wait for a row: they may have their xid by then. It is where they wait before they write anything, as
// some do, by an advisory lock.
enum class Gets : std::uint8_t { kEverything, kWhatWaitedBeforeItWrote };

struct LateTable {
  std::string name;  // in schema shop
  Gets gets = Gets::kEverything;
};

class LateWriters {
 public:
  // The tables, after Debezium's manner, with columns `xid`, `state` and `created_at`.
  static void make_tables(const FreshDatabase& database, const std::vector<LateTable>& tables);

  // They write until `until`, and end the transaction that they are in.
  LateWriters(const FreshDatabase& database, int writers, std::uint64_t seed, Deadline until);

  // True once all have ended; waits for it, but no longer than `patience`.
  bool over_within(Duration patience);
  // What went wrong with the sessions, which are not under test; empty if nothing did.
  std::string trouble() const;

  struct Counts {
    std::atomic<std::size_t> committed = 0, rolled_back = 0, in_part = 0, prepared = 0, late = 0;
  };
  const Counts& counts() const { return counts_; }  // transactions

  // What a table got; of each key in the order of its commits.
  static std::vector<CommittedEvent> read_committed(const FreshDatabase& database, Gets gets);

 private:
  void write(std::uint64_t seed);

  const std::string url_;
  const Deadline until_;
  std::counting_semaphore<> may_lie_prepared_;
  Counts counts_;
  mutable std::mutex mutex_;  // guards the next two
  int writing_;
  std::string trouble_;
  std::condition_variable ended_;
  std::vector<std::jthread> threads_;
};

}  // namespace penstock::tests
