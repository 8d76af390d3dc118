// The low mark against an oracle: transactions that draw numbers, commit, abort and are prepared in
// any order, and a poll that sees a snapshot of what is committed.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "connectors/outbox/low_mark.h"
#include "tests/support/seeded_random.h"

namespace penstock::outbox {
namespace {

struct Shape {
  std::uint64_t widest_step;  // between two numbers drawn
  std::size_t open_ranges;
  bool sequence_can_be_read;
  // kHoldBack: settled rows stay, and the source is opened again now and then where its checkpoint left it.
  Crowded crowded = Crowded::kMerge;
};

class World {
 public:
  World(std::uint64_t seed, Shape shape)
      : random_(seed),
        shape_(shape),
        low_mark_(std::in_place, MarkMoves::kBehindLockHolders, shape.crowded,
                  std::vector<NumberRange>{{kLowestNumber, kHighestNumber}}, shape.open_ranges) {}

  void step() {
    if (shape_.crowded == Crowded::kHoldBack && random_.below(40) == 0) open_again();
    switch (random_.below(12)) {
      case 0:
      case 1: begin(); break;
      case 2:
      case 3:
      case 4: draw(); break;
      case 5:
      case 6: end(Ends::kCommit); break;
      case 7: end(Ends::kAbort); break;
      case 8: prepare(); break;
      case 9: look(); break;
      case 10: settle(); break;
      default: poll(1 + random_.below(6)); break;
    }
    check_mark();
  }

  // Everything ends; the polls that follow must find all that was committed, without the net.
  void finish() {
    while (!open_.empty()) end(Ends::kCommit);
    for (int i = 0; i < kEnough; ++i) {
      poll(1'000);
      look();
    }
    EXPECT_EQ(read_.size(), committed_at_.size());
    EXPECT_EQ(low_mark_->open_ranges(), 1U) << "nothing is awaited any more";
  }

 private:
  // Polls, where most are held back because there are too many holes.
  static constexpr int kEnough = 200;

  enum class Ends { kCommit, kAbort };
  struct Transaction {
    std::string id;
    std::vector<std::int64_t> numbers;
  };

  void begin() { open_.push_back({"5/" + std::to_string(++last_id_), {}}); }

  void draw() {
    if (open_.empty()) return;
    Transaction& transaction = open_[random_.below(open_.size())];
    if (transaction.id.starts_with("-1/")) return;
    last_number_ += 1 + static_cast<std::int64_t>(random_.below(shape_.widest_step));
    transaction.numbers.push_back(last_number_);
  }

  void end(Ends how) {
    if (open_.empty()) return;
    const auto which = open_.begin() + static_cast<std::ptrdiff_t>(random_.below(open_.size()));
    ++commits_;
    if (how == Ends::kCommit)
      for (const std::int64_t number : which->numbers) committed_at_[number] = commits_;
    open_.erase(which);
  }

  void prepare() {
    if (open_.empty()) return;
    Transaction& transaction = open_[random_.below(open_.size())];
    if (!transaction.id.starts_with("-1/")) transaction.id = "-1/" + std::to_string(++last_id_);
  }

  void look() {
    if (!low_mark_->wants_holders()) return;
    LockHolders holders;
    for (const Transaction& transaction : open_) holders.insert(transaction.id);
    low_mark_->saw_holders(holders);
  }

  void settle() {
    if (in_flight_.empty()) return;
    in_flight_.erase(in_flight_.begin(),
                     in_flight_.begin() + static_cast<std::ptrdiff_t>(1 + random_.below(in_flight_.size())));
  }

  void open_again() {
    std::ranges::sort(in_flight_);
    std::vector<NumberRange> left = with_numbers(low_mark_->open(), in_flight_);
    low_mark_.emplace(MarkMoves::kBehindLockHolders, shape_.crowded, std::move(left), shape_.open_ranges);
    for (const std::int64_t number : in_flight_) read_.erase(number);
    in_flight_.clear();
  }

  void poll(std::size_t limit) {
    std::vector<std::int64_t> in_flight = in_flight_;
    std::ranges::sort(in_flight);
    const ScanPlan plan = low_mark_->plan(Reach::kOpenRanges, in_flight, {});
    std::optional<std::int64_t> drawn;
    const bool asks = shape_.crowded == Crowded::kMerge || !low_mark_->mark();
    if (shape_.sequence_can_be_read && asks && last_number_ > 0) drawn = last_number_;

    std::vector<std::int64_t> found;
    ScanEnd end = ScanEnd::kExhausted;
    for (const auto& [number, commit] : committed_at_) {
      const bool settled = read_.contains(number) && !std::ranges::binary_search(in_flight, number);
      const bool asked_for =
          std::ranges::any_of(plan.ranges, [&, n = number](auto range) { return range.contains(n); });
      if (settled || !asked_for || std::ranges::binary_search(plan.in_flight, number)) continue;
      if (found.size() == limit) {
        end = ScanEnd::kCutShort;
        break;
      }
      found.push_back(number);
    }
    for (const std::int64_t number : found) deliver(number);
    low_mark_->scanned(plan, found, end, drawn);
  }

  void deliver(std::int64_t number) {
    EXPECT_TRUE(read_.insert(number).second) << number << " was read twice";
    in_flight_.push_back(number);
    for (const auto& [lower, commit] : committed_at_) {
      if (lower >= number) break;
      EXPECT_TRUE(commit >= committed_at_[number] || read_.contains(lower))
          << number << " overtook " << lower << ", which was committed before it";
    }
  }

  void check_mark() {
    const auto mark = low_mark_->mark();
    if (!mark) return;
    for (const Transaction& transaction : open_)
      for (const std::int64_t number : transaction.numbers) EXPECT_GT(number, *mark);
    for (const auto& [number, commit] : committed_at_) EXPECT_TRUE(number > *mark || read_.contains(number));
  }

  tests::SeededRandom random_;
  const Shape shape_;
  std::optional<LowMark> low_mark_;
  std::vector<Transaction> open_;
  std::map<std::int64_t, int> committed_at_;
  std::set<std::int64_t> read_;
  std::vector<std::int64_t> in_flight_;
  std::int64_t last_number_ = 0;
  int last_id_ = 0, commits_ = 0;
};

class LowMarkProperty : public testing::TestWithParam<Shape> {};

TEST_P(LowMarkProperty, ReadsEachRowOnceAndBeforeWhatWasCommittedAfterIt) {
  const std::uint64_t seed = tests::seed_of_this_run();
  for (std::uint64_t run = 0; run < 300 && !HasFailure(); ++run) {
    SCOPED_TRACE("PENSTOCK_SEED=" + std::to_string(seed) + ", run " + std::to_string(run));
    World world(seed + run, GetParam());
    for (int i = 0; i < 150 && !HasFailure(); ++i) world.step();
    world.finish();
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, LowMarkProperty,
                         testing::Values(Shape{1, 32, false}, Shape{1, 32, true}, Shape{20, 3, false},
                                         Shape{20, 2, true}, Shape{3, 8, false}, Shape{3, 4, true, Crowded::kHoldBack},
                                         Shape{20, 2, true, Crowded::kHoldBack},
                                         Shape{3, 4, false, Crowded::kHoldBack}));

}  // namespace
}  // namespace penstock::outbox
