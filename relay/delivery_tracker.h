// What of a source's items is settled: the contiguous prefix, which is all that a checkpoint may say,
// and the in-flight window, which is everything read beyond the stored checkpoint.
//
// An item is expected with its mark, in read order, and settled in any order. `settled()` is the mark
// below which nothing is missing; the source is told that mark, and once it has stored it, the
// deliveries up to there are let go and their room in the window is free again.
//
// Items that need no delivery (a filter dropped them) pass: they count for no window, and any number
// of them in a row costs one record. But their source may hold them until they are settled, so their
// bytes are counted for themselves.
//
// Single-threaded. Addresses of deliveries are stable while they are held, because a sink sends
// straight from their memory.
#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <memory>
#include <utility>
#include <vector>

#include "connectors/message.h"
#include "connectors/source.h"
#include "core/ids.h"

namespace penstock::relay {

// Number of a delivery in the life of a route: 1, 2, 3 … across all openings, never used twice.
using Slot = StrongNumber<struct SlotTag, std::uint64_t>;

enum class Stage : std::uint8_t {
  kWaiting,    // to be submitted, now or later
  kSubmitted,  // the sink has it; its outcome is to come
  kParking,    // refused; becomes a row first
  kSettled,
};

// One item on its way.
struct Delivery {
  ReadMark mark;
  connectors::Message message;
  std::unique_ptr<connectors::MalformedRow> malformed;
  std::shared_ptr<const Error> refusal;  // why it is parked
  std::size_t bytes = 0;                 // its share of the window, or of what passed
  Timestamp read_at{};
  std::uint32_t submissions = 0;
  std::uint32_t failures = 0;
  Stage stage = Stage::kWaiting;
  enum class Counts : std::uint8_t { kInWindow, kNot } counts = Counts::kInWindow;
  // For order by key: the lane that it waits in (0 = none) and who waits behind it.
  std::uint64_t lane = 0;
  Slot behind{};
};

struct WindowLimits {
  std::size_t events;
  std::size_t bytes;
};

class DeliveryTracker {
 public:
  explicit DeliveryTracker(WindowLimits limits) : limits_(limits) {}

  // Marks follow each other without a gap: anything else is a broken invariant.
  Slot expect(ReadMark mark, std::size_t bytes);
  // `bytes`: what the source holds of it until it is stored.
  void pass(ReadMark mark, std::size_t bytes);

  // The delivery must be held (first() ≤ slot < end()).
  Delivery& at(Slot slot) { return const_cast<Delivery&>(std::as_const(*this).at(slot)); }
  const Delivery& at(Slot slot) const;
  // Its real share of the window, once it is known.
  void resize(Slot slot, std::size_t bytes);
  // A retryable outcome: counted until the delivery is settled.
  void mark_failed(Slot slot);
  // Each delivery once. Lets go of the message, not of the room.
  void settle(Slot slot);

  // Everything up to here is settled. Zero = nothing yet.
  ReadMark settled() const { return settled_; }
  ReadMark stored() const { return stored_; }
  // The source has made this durable; never beyond settled().
  void store(ReadMark up_to);

  // The opening ended: forgets every delivery; marks start anew, slots don't.
  void clear();

  Slot first() const { return first_; }
  Slot end() const { return end_; }
  // end() when everything is settled.
  Slot oldest_unsettled() const { return settled_end_; }
  bool holds(Slot slot) const { return slot >= first_ && slot < end_; }

  std::size_t window_events() const { return window_events_; }
  std::size_t window_bytes() const { return window_bytes_; }
  // Of what passed and is not stored.
  std::size_t passed_bytes() const { return passed_bytes_; }
  // Of the window, what is settled but not stored: what storing now would free.
  std::size_t storable_events() const { return storable_events_; }
  std::size_t failing() const { return failing_; }
  std::size_t free_events() const { return limits_.events - std::min(limits_.events, window_events_); }
  std::size_t free_bytes() const { return limits_.bytes - std::min(limits_.bytes, window_bytes_); }

 private:
  static constexpr std::size_t kBlock = 128;
  using Block = std::vector<Delivery>;

  Delivery& push(ReadMark mark);
  void raise_settled();
  void pop_first();

  const WindowLimits limits_;
  std::deque<std::unique_ptr<Block>> blocks_;  // of the held deliveries, oldest first
  std::vector<std::unique_ptr<Block>> spare_;  // at most one, to be used again
  Slot first_block_{0};                        // number of the first delivery of blocks_.front()
  Slot first_{1}, settled_end_{1}, end_{1};
  ReadMark expected_{0}, settled_{0}, stored_{0};
  std::size_t window_events_ = 0, window_bytes_ = 0, passed_bytes_ = 0, storable_events_ = 0, failing_ = 0;
};

}  // namespace penstock::relay
