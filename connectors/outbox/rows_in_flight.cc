#include "connectors/outbox/rows_in_flight.h"

#include <algorithm>

#include "core/invariant.h"

namespace penstock::outbox {

ReadMark RowsInFlight::add(const RowKey& key, Then then) {
  rows_.push_back({key, then});
  numbers_are_current_ = false;
  return last_mark();
}

void RowsInFlight::finish_batch(std::shared_ptr<const void> memory) {
  batches_.push_back({last_mark().value, std::move(memory)});
}

std::span<const RowKey> RowsInFlight::to_settle(ReadMark mark) {
  to_settle_.clear();
  const std::size_t count = count_up_to(mark);
  for (std::size_t i = 0; i < count; ++i)
    if (rows_[i].then == Then::kSettle) to_settle_.push_back(rows_[i].key);
  return to_settle_;
}

const RowKey* RowsInFlight::last_up_to(ReadMark mark) const {
  const std::size_t count = count_up_to(mark);
  return count == 0 ? nullptr : &rows_[count - 1].key;
}

void RowsInFlight::to_keep(ReadMark mark, std::vector<std::int64_t>& numbers) const {
  const std::size_t count = count_up_to(mark);
  for (std::size_t i = 0; i < count; ++i)
    if (rows_[i].then == Then::kKeep) numbers.push_back(rows_[i].key.number);
}

void RowsInFlight::forget(ReadMark mark) {
  const std::size_t count = count_up_to(mark);
  rows_.erase(rows_.begin(), rows_.begin() + static_cast<std::ptrdiff_t>(count));
  first_mark_ += count;
  while (!batches_.empty() && batches_.front().last_mark < first_mark_) batches_.pop_front();
  numbers_are_current_ = false;
}

std::span<const std::int64_t> RowsInFlight::numbers() {
  if (!numbers_are_current_) {
    numbers_.clear();
    for (const Entry& entry : rows_) numbers_.push_back(entry.key.number);
    if (!std::ranges::is_sorted(numbers_)) std::ranges::sort(numbers_);
    numbers_are_current_ = true;
  }
  return numbers_;
}

std::size_t RowsInFlight::count_up_to(ReadMark mark) const {
  INVARIANT(mark <= last_mark(), "only what was read can be settled");
  return mark.value < first_mark_ ? 0 : static_cast<std::size_t>(mark.value - first_mark_ + 1);
}

}  // namespace penstock::outbox
