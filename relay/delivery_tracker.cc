#include "relay/delivery_tracker.h"

#include <algorithm>

#include "core/invariant.h"

namespace penstock::relay {

Delivery& DeliveryTracker::push(ReadMark mark) {
  INVARIANT(mark == expected_.next(), "a source hands out its marks without a gap");
  expected_ = mark;
  if (blocks_.empty()) first_block_ = end_;
  if (end_.value - first_block_.value == blocks_.size() * kBlock) {
    if (spare_.empty()) {
      blocks_.push_back(std::make_unique<Block>(kBlock));
    } else {
      blocks_.push_back(std::move(spare_.back()));
      spare_.pop_back();
    }
  }
  end_ = end_.next();
  Delivery& delivery = at(Slot{end_.value - 1});
  delivery.mark = mark;
  return delivery;
}

Slot DeliveryTracker::expect(ReadMark mark, std::size_t bytes) {
  Delivery& delivery = push(mark);
  delivery.bytes = bytes;
  ++window_events_;
  window_bytes_ += bytes;
  return Slot{end_.value - 1};
}

void DeliveryTracker::pass(ReadMark mark, std::size_t bytes) {
  passed_bytes_ += bytes;
  if (end_ > first_) {
    Delivery& last = at(Slot{end_.value - 1});
    if (last.counts == Delivery::Counts::kNot) {
      INVARIANT(mark == expected_.next(), "a source hands out its marks without a gap");
      expected_ = mark;
      last.mark = mark;
      last.bytes += bytes;
      if (settled_end_ == end_) settled_ = mark;
      return;
    }
  }
  Delivery& delivery = push(mark);
  delivery.stage = Stage::kSettled;
  delivery.counts = Delivery::Counts::kNot;
  delivery.bytes = bytes;
  raise_settled();
}

const Delivery& DeliveryTracker::at(Slot slot) const {
  const std::size_t index = slot.value - first_block_.value;
  return (*blocks_[index / kBlock])[index % kBlock];
}

void DeliveryTracker::resize(Slot slot, std::size_t bytes) {
  Delivery& delivery = at(slot);
  window_bytes_ = window_bytes_ - delivery.bytes + bytes;
  delivery.bytes = bytes;
}

void DeliveryTracker::mark_failed(Slot slot) {
  if (at(slot).failures++ == 0) ++failing_;
}

void DeliveryTracker::settle(Slot slot) {
  INVARIANT(holds(slot), "only a delivery that is held can be settled");
  Delivery& delivery = at(slot);
  INVARIANT(delivery.stage != Stage::kSettled, "a delivery is settled once");
  delivery.stage = Stage::kSettled;
  if (delivery.failures > 0) --failing_;
  delivery.message = connectors::Message();
  delivery.malformed.reset();
  delivery.refusal.reset();
  if (slot == settled_end_) raise_settled();
}

void DeliveryTracker::raise_settled() {
  while (settled_end_ < end_) {
    const Delivery& delivery = at(settled_end_);
    if (delivery.stage != Stage::kSettled) return;
    settled_ = delivery.mark;
    if (delivery.counts == Delivery::Counts::kInWindow) ++storable_events_;
    settled_end_ = settled_end_.next();
  }
}

void DeliveryTracker::store(ReadMark up_to) {
  INVARIANT(up_to <= settled_, "nothing is stored that is not settled");
  INVARIANT(up_to >= stored_, "what is stored never goes back");
  stored_ = up_to;
  while (first_ < settled_end_ && at(first_).mark <= up_to) pop_first();
}

void DeliveryTracker::pop_first() {
  Delivery& delivery = at(first_);
  if (delivery.counts == Delivery::Counts::kInWindow) {
    --window_events_;
    window_bytes_ -= delivery.bytes;
    --storable_events_;
  } else {
    passed_bytes_ -= delivery.bytes;
  }
  delivery = Delivery();
  first_ = first_.next();
  if (first_.value - first_block_.value < kBlock) return;
  if (spare_.empty()) spare_.push_back(std::move(blocks_.front()));
  blocks_.pop_front();
  first_block_.value += kBlock;
}

void DeliveryTracker::clear() {
  blocks_.clear();
  first_ = settled_end_ = end_;
  expected_ = settled_ = stored_ = ReadMark{0};
  window_events_ = window_bytes_ = passed_bytes_ = storable_events_ = failing_ = 0;
}

}  // namespace penstock::relay
