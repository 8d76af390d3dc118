// Which message a confirm, a return or the end of a channel is about.
//
// The broker numbers the publishes of a channel from 1 and confirms them by number, singly or all up
// to one (`multiple`), in any order. An unroutable mandatory message comes back before its confirm,
// in the order of publishing, without its number: it is found by message id, exchange and routing
// key. Single-threaded; keeps pointers to messages until their outcome is known.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "connectors/message.h"
#include "connectors/outcome.h"

namespace penstock::rabbitmq {

// A message that the sink has accepted.
struct Accepted {
  connectors::Ticket ticket;
  const connectors::Message* message = nullptr;
  std::size_t bytes = 0;
};

class ConfirmWindow {
 public:
  struct Settled {
    Accepted accepted;
    connectors::Outcome outcome;
    std::shared_ptr<const Error> error;
  };
  enum class Confirm { kAck, kNack };
  enum class Reach { kOne, kUpTo };

  // The next publish on the channel; returns its number.
  std::uint64_t published(const Accepted& accepted);

  // `error` becomes the message's outcome with its confirm. False if no such message is outstanding.
  bool returned(std::string_view message_id, std::string_view exchange, std::string_view routing_key,
                std::shared_ptr<const Error> error);

  // Appends what is settled by it: delivered, rejected (returned), retryable (nack). False for a
  // number that was never published; repeated ones are ignored.
  bool confirmed(std::uint64_t number, Reach reach, Confirm confirm, const std::shared_ptr<const Error>& nack_error,
                 std::vector<Settled>& out);

  // The channel is gone: everything outstanding becomes retryable.
  void lose_all(const std::shared_ptr<const Error>& error, std::vector<Settled>& out);

  // The channel is gone and another takes its place: what is outstanding goes to the front of `waiting`, in its order.
  void take_back(std::deque<Accepted>& waiting);

  std::size_t outstanding() const { return outstanding_; }

 private:
  struct Entry {
    Accepted accepted;
    std::shared_ptr<const Error> returned;
    enum class Is { kOutstanding, kSettled } is = Is::kOutstanding;
  };
  void settle(Entry& entry, Confirm confirm, const std::shared_ptr<const Error>& nack_error, std::vector<Settled>& out);

  std::deque<Entry> entries_;  // [0] has the number first_
  std::uint64_t first_ = 1;
  std::uint64_t last_returned_ = 0;
  std::size_t outstanding_ = 0;
};

}  // namespace penstock::rabbitmq
