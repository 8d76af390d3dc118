// A service under load: threads that change orders and write an outbox in one transaction, with roll-backs and
// transactions that commit late. Each key belongs to one thread, so the order of its commits is known.
//
// Beside the outbox each transaction writes the table shop.written, which no relay touches: after a lost connection it
// tells whether the commit took place, and at the end it is the truth.
#pragma once

#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/history_checker.h"

namespace penstock::tests {

struct WriterSettings {
  std::string url;
  std::uint64_t seed = 0;
  int threads = 4;
  int keys_per_thread = 6;
  std::chrono::microseconds between_transactions{6'000};
  // Every eighth transaction stays open for up to so long, so that lower numbers are committed later.
  std::chrono::milliseconds latest_commit{120};
  // Some lie prepared for a while. Not for a server that crashes: nobody would end them.
  enum class Prepared { kNever, kSometimes } prepared = Prepared::kNever;
};

class OrderWriter {
 public:
  // Makes the schema `shop`; throws std::runtime_error if that fails.
  static void make_tables(const std::string& url);

  explicit OrderWriter(WriterSettings settings);
  ~OrderWriter();
  OrderWriter(const OrderWriter&) = delete;
  OrderWriter& operator=(const OrderWriter&) = delete;

  // Events committed so far.
  std::size_t committed() const { return committed_; }
  std::size_t rolled_back() const { return rolled_back_; }
  // Ends the load; what was committed is final afterwards.
  void stop();

  // What the database holds as committed, of each key in the order of its commits.
  static std::vector<CommittedEvent> read_committed(const std::string& url);

 private:
  void write(int thread, const std::stop_token& stop);

  WriterSettings settings_;
  std::atomic<std::size_t> committed_ = 0, rolled_back_ = 0;
  std::vector<std::jthread> threads_;
};

}  // namespace penstock::tests
