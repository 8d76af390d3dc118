#include "connectors/outbox/low_mark.h"

#include <algorithm>

#include "core/invariant.h"

namespace penstock::outbox {
namespace {

// A prepared transaction goes on under another virtual id: -1/<xid>.
bool is_prepared(const std::string& holder) { return holder.starts_with("-1/"); }

// How many numbers lie between two ranges.
std::uint64_t gap_between(const NumberRange& lower, const NumberRange& upper) {
  return static_cast<std::uint64_t>(upper.first) - static_cast<std::uint64_t>(lower.last) - 1;
}

// Appends those of ascending `numbers` that lie in ascending `ranges`.
void collect_inside(std::span<const NumberRange> ranges, std::span<const std::int64_t> numbers,
                    std::vector<std::int64_t>& inside) {
  auto range = ranges.begin();
  for (const std::int64_t number : numbers) {
    while (range != ranges.end() && range->last < number) ++range;
    if (range == ranges.end()) return;
    if (range->contains(number)) inside.push_back(number);
  }
}

}  // namespace

LowMark::LowMark(MarkMoves moves, std::size_t open_ranges) : moves_(moves), most_open_(open_ranges) {
  INVARIANT(open_ranges >= 2, "one hole and what lies beyond the highest number");
}

LowMark::LowMark(MarkMoves moves, Crowded crowded, std::vector<NumberRange> open, std::size_t open_ranges)
    : moves_(moves), crowded_(crowded), most_open_(open_ranges), open_(std::move(open)) {
  INVARIANT(open_ranges >= 2 && !open_.empty() && open_.back().last == kHighestNumber, "what lies beyond is open");
  if (open_.back().first != kLowestNumber) highest_ = open_.back().first - 1;
}

std::vector<NumberRange> with_numbers(std::span<const NumberRange> ranges, std::span<const std::int64_t> numbers) {
  std::vector<NumberRange> all;
  auto number = numbers.begin();
  const auto add = [&](NumberRange range) {
    if (!all.empty() && (all.back().last >= range.first || all.back().last == range.first - 1))
      all.back().last = std::max(all.back().last, range.last);
    else
      all.push_back(range);
  };
  for (const NumberRange& range : ranges) {
    for (; number != numbers.end() && *number < range.first; ++number) add({*number, *number});
    add(range);
  }
  for (; number != numbers.end(); ++number)
    if (all.empty() || *number > all.back().last) add({*number, *number});
  return all;
}

bool LowMark::needs_in_flight(Reach reach) const {
  return merged_ || moves_ == MarkMoves::kNever || reach == Reach::kWholeTable;
}

ScanPlan LowMark::plan(Reach reach, std::span<const std::int64_t> in_flight, std::span<const std::int64_t> kept) const {
  ScanPlan plan;
  plan.reach = reach;
  if (reach == Reach::kWholeTable || moves_ == MarkMoves::kNever)
    plan.ranges = {{kLowestNumber, kHighestNumber}};
  else
    plan.ranges = open_;
  if (crowded_ == Crowded::kHoldBack && plan.ranges.size() > most_open_) plan.ranges.pop_back();
  if (needs_in_flight(reach)) collect_inside(plan.ranges, in_flight, plan.in_flight);
  collect_inside(plan.ranges, kept, plan.kept);
  return plan;
}

void LowMark::scanned(const ScanPlan& plan, std::span<const std::int64_t> found, ScanEnd end,
                      std::optional<std::int64_t> drawn_before) {
  if (moves_ == MarkMoves::kNever) return;
  const auto old_mark = mark();
  // The numbers have started again below the mark (a sequence that was reset, many rows whose mark was taken away): go
  // with them.
  const bool all_below = old_mark && !found.empty() && found.back() <= *old_mark;
  const bool saw_all = end == ScanEnd::kExhausted && plan.in_flight.empty();
  if (plan.reach == Reach::kWholeTable && all_below && (saw_all || end == ScanEnd::kCutShort))
    start_over(plan.in_flight);
  close_numbers(found);
  if (moves_ == MarkMoves::kWithReading) {
    // Rows come in ascending order, so those below the last one have been seen.
    if (end == ScanEnd::kExhausted && highest_)
      move_to(*highest_);
    else if (!found.empty())
      move_to(found.back());
    return;
  }

  // Up to where this scan, and those before it, have seen every row that was visible. A crowded one has not looked
  // beyond the highest number.
  const bool to_the_end = plan.ranges.empty() || plan.ranges.back().last == kHighestNumber;
  std::optional<std::int64_t> reached;
  if (end == ScanEnd::kExhausted)
    reached = to_the_end ? std::max(highest_, drawn_before) : highest_;
  else if (!found.empty())
    reached = found.back();
  if (!reached) return;
  if (phase_ == Phase::kNeedsScan)
    finish_wait(*reached, end == ScanEnd::kExhausted && to_the_end ? Saw::kEverything : Saw::kPart, drawn_before);
  if (phase_ == Phase::kSettled || phase_ == Phase::kNeedsLook) {
    candidate_ = *reached;
    phase_ = open_.front().first <= candidate_ ? Phase::kNeedsLook : Phase::kSettled;
  }
}

// Whoever was looked at has ended, and this scan has what they committed, as far as it came.
void LowMark::finish_wait(std::int64_t reached, Saw saw, std::optional<std::int64_t> drawn_before) {
  // The sequence was set back below the candidate: what it gives away now has been looked for by nobody.
  if (drawn_before && std::max(highest_.value_or(*drawn_before), *drawn_before) < candidate_) {
    phase_ = Phase::kNeedsLook;
    return;
  }
  move_to(saw == Saw::kEverything ? candidate_ : std::min(reached, candidate_));
  if (saw == Saw::kEverything || reached >= candidate_) phase_ = Phase::kSettled;
}

bool LowMark::wants_holders() const { return phase_ == Phase::kNeedsLook || phase_ == Phase::kAwaitsEnd; }

void LowMark::saw_holders(const LockHolders& now) {
  if (phase_ == Phase::kNeedsLook) {
    awaited_ = now;
  } else if (phase_ == Phase::kAwaitsEnd) {
    LockHolders left;
    bool one_ended = false;
    for (const std::string& holder : awaited_) {
      if (now.contains(holder))
        left.insert(holder);
      else if (!is_prepared(holder))
        one_ended = true;
    }
    // A transaction that seems to have ended may have been prepared instead.
    if (one_ended) std::copy_if(now.begin(), now.end(), std::inserter(left, left.end()), is_prepared);
    awaited_ = std::move(left);
  } else {
    return;
  }
  phase_ = awaited_.empty() ? Phase::kNeedsScan : Phase::kAwaitsEnd;
}

std::optional<std::int64_t> LowMark::mark() const {
  if (open_.front().first == kLowestNumber) return std::nullopt;
  return open_.front().first - 1;
}

// Takes the numbers out of the open ranges. Both are ascending, so one pass does it.
void LowMark::close_numbers(std::span<const std::int64_t> found) {
  if (found.empty()) return;
  if (!highest_ || *highest_ < found.back()) highest_ = found.back();
  std::vector<NumberRange> open;
  open.reserve(open_.size() + found.size());
  auto number = found.begin();
  for (NumberRange range : open_) {
    bool anything_left = true;
    for (; anything_left && number != found.end() && *number <= range.last; ++number) {
      if (*number < range.first) continue;
      if (range.first < *number) open.push_back({range.first, *number - 1});
      anything_left = *number < range.last;
      if (anything_left) range.first = *number + 1;
    }
    if (anything_left) open.push_back(range);
  }
  open_ = std::move(open);
  keep_one_open();
  merge_down();
}

// Merges the ranges that lie closest to each other.
void LowMark::merge_down() {
  if (open_.size() <= most_open_ || crowded_ == Crowded::kHoldBack) return;
  std::vector<std::uint64_t> gaps;
  for (std::size_t i = 1; i < open_.size(); ++i) gaps.push_back(gap_between(open_[i - 1], open_[i]));
  std::size_t merges = open_.size() - most_open_;
  std::vector<std::uint64_t> ranked = gaps;
  const auto last_to_go = ranked.begin() + static_cast<std::ptrdiff_t>(merges - 1);
  std::nth_element(ranked.begin(), last_to_go, ranked.end());
  const std::uint64_t limit = *last_to_go;

  std::vector<NumberRange> merged{open_.front()};
  for (std::size_t i = 1; i < open_.size(); ++i) {
    if (merges > 0 && gaps[i - 1] <= limit) {
      merged.back().last = open_[i].last;
      --merges;
    } else {
      merged.push_back(open_[i]);
    }
  }
  open_ = std::move(merged);
  merged_ = true;
}

// Nothing lies beyond the highest number there is; that one is then asked for again.
void LowMark::keep_one_open() {
  if (!open_.empty()) return;
  open_.push_back({kHighestNumber, kHighestNumber});
  merged_ = true;
}

void LowMark::move_to(std::int64_t number) {
  std::erase_if(open_, [&](const NumberRange& range) { return range.last <= number; });
  keep_one_open();
  if (number < kHighestNumber && open_.front().first <= number) open_.front().first = number + 1;
  // One range is what lies beyond the highest number read: nothing in flight there.
  const auto read = std::max(highest_, highest_from_before_);
  if (open_.size() == 1 && (!read || open_.front().first > *read)) merged_ = false;
}

void LowMark::start_over(std::span<const std::int64_t> in_flight) {
  open_ = {{kLowestNumber, kHighestNumber}};
  merged_ = !in_flight.empty();
  highest_from_before_.reset();
  if (merged_) highest_from_before_ = in_flight.back();
  highest_.reset();
  phase_ = Phase::kSettled;
}

}  // namespace penstock::outbox
