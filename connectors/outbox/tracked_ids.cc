#include "connectors/outbox/tracked_ids.h"

#include <algorithm>

#include "core/invariant.h"

namespace penstock::outbox {

std::vector<std::string_view> TrackedIds::waiting_ids(std::size_t most) const {
  const auto begin = ids_.begin() + static_cast<std::ptrdiff_t>(in_flight_);
  return {begin, begin + static_cast<std::ptrdiff_t>(std::min(most, waiting()))};
}

void TrackedIds::hand_out_to(std::int64_t number) {
  INVARIANT(number >= next() - 1 && number < first_ + static_cast<std::int64_t>(ids_.size()), "only what was found");
  in_flight_ = static_cast<std::size_t>(number - first_ + 1);
}

std::vector<std::string_view> TrackedIds::in_flight() const {
  return {ids_.begin(), ids_.begin() + static_cast<std::ptrdiff_t>(in_flight_)};
}

void TrackedIds::gone_behind(std::int64_t number) {
  if (number < first_) settled_to(next() - 1);
}

const std::string& TrackedIds::id_of(std::int64_t number) const {
  INVARIANT(number >= first_ && number < first_ + static_cast<std::int64_t>(ids_.size()), "a number that is known");
  return ids_[static_cast<std::size_t>(number - first_)];
}

void TrackedIds::settled_to(std::int64_t number) {
  INVARIANT(number < next(), "only what is in flight is settled");
  for (; first_ <= number; ++first_, --in_flight_) ids_.pop_front();
}

}  // namespace penstock::outbox
