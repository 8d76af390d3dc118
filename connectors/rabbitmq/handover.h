// Where the relay's thread hands messages to the thread that owns the connection, and what both know
// of the sink: its state, what is without an outcome, whether the right to send is still ours.
//
// Thread-safe. Bounded: what was accepted and has no outcome yet holds at most `window_bytes`, or one
// message. Wakes the other side through a descriptor that can be polled together with a socket; a
// wake-up costs a system call only when the other side has taken everything before.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <vector>

#include "connectors/rabbitmq/confirm_window.h"
#include "connectors/sink.h"

namespace penstock::rabbitmq {

class Handover {
 public:
  explicit Handover(std::size_t window_bytes);
  ~Handover();
  Handover(const Handover&) = delete;
  Handover& operator=(const Handover&) = delete;

  // --- the relay's side ---
  connectors::Submitted submit(connectors::Ticket ticket, const connectors::Message& message);
  void flush();
  // False when the deadline came first.
  bool wait_until_answered(Deadline deadline);
  void lose_right(std::shared_ptr<const Error> why);
  void regain_right();

  // --- the connection's side ---
  int wake_descriptor() const { return wake_descriptor_; }
  void clear_wake();
  // Appends what waits.
  void take(std::deque<Accepted>& out);
  // After the listener has been told.
  void answered(std::size_t messages, std::size_t bytes);

  // --- both ---
  void wake();
  bool has_right() const;
  connectors::SinkState state() const;
  // Does nothing once the right is lost; false if so, or if that phase is entered already.
  bool enter(connectors::SinkState state);

 private:
  const std::size_t window_bytes_;
  const int wake_descriptor_;

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::deque<Accepted> submitted_;
  std::size_t unanswered_ = 0, held_bytes_ = 0;
  enum class Other { kMaySleep, kWasWoken } other_ = Other::kMaySleep;
  enum class Right { kHeld, kLost } right_ = Right::kHeld;
  connectors::SinkState state_;
};

}  // namespace penstock::rabbitmq
