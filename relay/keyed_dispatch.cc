#include "relay/keyed_dispatch.h"

#include <algorithm>
#include <functional>

namespace penstock::relay {
namespace {

// 0 = no lane: a message without a key is ordered with nothing.
std::uint64_t lane_of(const connectors::Message& message) {
  if (!message.key) return 0;
  const std::uint64_t key = std::hash<std::string_view>()(*message.key);
  const std::uint64_t destination = std::hash<std::string_view>()(message.destination);
  const std::uint64_t mixed = key ^ (destination + 0x9e3779b97f4a7c15 + (key << 6) + (key >> 2));
  return mixed == 0 ? 1 : mixed;
}

}  // namespace

void KeyedDispatch::expect(Slot slot) {
  Delivery& delivery = tracker_.at(slot);
  delivery.lane = lane_of(delivery.message);
  if (delivery.lane == 0) {
    ready_.push_back(slot);
    return;
  }
  const auto [last, is_first] = last_in_lane_.try_emplace(delivery.lane, slot);
  if (is_first) {
    ready_.push_back(slot);
    return;
  }
  tracker_.at(last->second).behind = slot;
  last->second = slot;
}

void KeyedDispatch::settled(Slot slot) {
  const Delivery& delivery = tracker_.at(slot);
  if (delivery.lane == 0) return;
  if (delivery.behind.value != 0) {
    ready_.push_back(delivery.behind);
  } else {
    last_in_lane_.erase(delivery.lane);
  }
}

void KeyedDispatch::failed(Slot slot, SteadyTime now) {
  retries_.push_back({now + policy_.delay_after(tracker_.at(slot).failures), slot});
  std::push_heap(retries_.begin(), retries_.end(), std::greater<>());
}

void KeyedDispatch::submit_due(SteadyTime now, Slot limit, SubmitPort& port) {
  while (!retries_.empty() && retries_.front().due <= now) {
    ready_.push_back(retries_.front().slot);
    std::pop_heap(retries_.begin(), retries_.end(), std::greater<>());
    retries_.pop_back();
  }
  while (!ready_.empty()) {
    // Behind the limit lies what a stopping route doesn't send any more.
    if (ready_.front() < limit && port.submit(ready_.front()) == connectors::Submitted::kFull) return;
    ready_.pop_front();
  }
}

SteadyTime KeyedDispatch::next_due() const { return retries_.empty() ? SteadyTime::max() : retries_.front().due; }

void KeyedDispatch::restart() {
  for (const Retry& retry : retries_) ready_.push_back(retry.slot);
  retries_.clear();
  std::sort(ready_.begin(), ready_.end());
}

void KeyedDispatch::clear() {
  last_in_lane_.clear();
  ready_.clear();
  retries_.clear();
}

}  // namespace penstock::relay
