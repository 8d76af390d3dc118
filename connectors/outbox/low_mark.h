// Which numbers a poll has to look at, so that a row is read before anything that was committed after
// it, also when its transaction drew a low number early and committed late. Pure bookkeeping: no
// database, no clock.
//
// Numbers up to the low mark are no longer looked at by an ordinary poll. Above it the *open* ranges
// are what has not been read yet: the holes that other transactions may still fill, and everything
// beyond the highest number read. A poll asks for the open ranges only, so rows in flight and rows
// deleted since cost nothing.
//
// How the mark moves. Let H be the highest number that a scan came to. A transaction that will still
// commit a number up to H drew it while it held a lock on the table (a row-exclusive one, from its
// first INSERT to its end), and before that scan. So the holders of such locks, looked at after the
// scan, are all that can still fill a hole below H. When all of them have ended, one more scan finds
// what they committed; then nothing up to H can appear any more and the mark moves there.
//
// What this can't see is a number drawn before its transaction touched the table (a cached sequence,
// an explicit nextval). For those a scan of the whole table, every now and then, is the net: such a
// row is never lost, and is ordered from when it is found.
//
// Where numbers are drawn under a lock that is held until the commit (SQLite), and settled rows cost
// a scan nothing, the mark stays below everything: MarkMoves::kNever. Where they do cost something, it
// follows what is read at once.
//
// Where settled rows stay in the table, the open ranges are also what a checkpoint has to remember, and
// must never hold a settled number again. Then they are not merged; when there are too many, nothing
// beyond the highest number is asked for until the mark has moved (Crowded::kHoldBack).
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace penstock::outbox {

inline constexpr std::int64_t kLowestNumber = std::numeric_limits<std::int64_t>::min();
inline constexpr std::int64_t kHighestNumber = std::numeric_limits<std::int64_t>::max();

// Both ends belong to it.
struct NumberRange {
  std::int64_t first, last;
  bool operator==(const NumberRange&) const = default;
  bool contains(std::int64_t number) const { return first <= number && number <= last; }
};

// Where a row stands in the order of transactions.
struct XidPlace {
  std::int64_t xid = 0, number = kLowestNumber;
  auto operator<=>(const XidPlace&) const = default;
};

enum class Reach {
  kOpenRanges,  // an ordinary poll
  kWholeTable,  // the net
};

// What one poll asks for.
struct ScanPlan {
  Reach reach = Reach::kOpenRanges;
  std::vector<NumberRange> ranges;      // ascending, disjoint, never empty
  std::vector<std::int64_t> in_flight;  // ascending: numbers inside the ranges to leave out
  std::vector<std::int64_t> kept;       // ascending: inside the ranges, of rows too large that stay in the table
  std::optional<XidPlace> behind;       // instead of ranges: rows behind this place, see KeepRows::Guard::kXid
  enum class Drawn { kNotAsked, kAsked } drawn = Drawn::kNotAsked;  // also for Scanned::drawn_before
  // Also for Scanned::numbering, with the row of this number if there is one.
  struct AskNumbering {
    std::optional<std::int64_t> row;
  };
  std::optional<AskNumbering> numbering;

  // Whether it starts below everything, and so passes all dead rows.
  bool starts_at_bottom() const { return !ranges.empty() && ranges.front().first == kLowestNumber; }
};

// How a scan ended.
enum class ScanEnd {
  kExhausted,  // every row of the plan was seen
  kCutShort,   // there may be more beyond the last row seen
};

// Adds numbers to ascending, disjoint ranges; both ascending.
std::vector<NumberRange> with_numbers(std::span<const NumberRange> ranges, std::span<const std::int64_t> numbers);

// Transactions that hold a row-exclusive lock on the table, by virtual transaction id.
using LockHolders = std::set<std::string>;

enum class MarkMoves { kBehindLockHolders, kNever, kWithReading };

// What happens to more open ranges than a poll should ask for.
enum class Crowded { kMerge, kHoldBack };

class LowMark {
 public:
  // More holes than `open_ranges` are merged with what was read between them, which then has to be
  // left out by number.
  explicit LowMark(MarkMoves moves, std::size_t open_ranges = 32);
  // Goes on where `open` was left, which must not be empty and ends at kHighestNumber.
  LowMark(MarkMoves moves, Crowded crowded, std::vector<NumberRange> open, std::size_t open_ranges = 1'024);

  // `in_flight` and `kept` are the numbers of all such rows, ascending.
  ScanPlan plan(Reach reach, std::span<const std::int64_t> in_flight, std::span<const std::int64_t> kept) const;
  // Whether plan() would look at `in_flight`; else it may be left empty.
  bool needs_in_flight(Reach reach) const;

  // The answer to a plan: the numbers found, ascending. `drawn_before` is the highest number that is
  // known to have been drawn before that scan began (the sequence's last value), if any.
  void scanned(const ScanPlan& plan, std::span<const std::int64_t> found, ScanEnd end,
               std::optional<std::int64_t> drawn_before);

  // Whether the mark waits for a look at the lock holders.
  bool wants_holders() const;
  // What a look, taken after the last scan, showed.
  void saw_holders(const LockHolders& now);

  // nullopt = below everything.
  std::optional<std::int64_t> mark() const;
  std::size_t open_ranges() const { return open_.size(); }
  const std::vector<NumberRange>& open() const { return open_; }
  // Transactions that the mark waits for.
  const LockHolders& awaited() const { return awaited_; }

 private:
  enum class Phase {
    kSettled,    // nothing to move past
    kNeedsLook,  // at the holders, to move to candidate_
    kAwaitsEnd,  // of awaited_
    kNeedsScan,  // once more from the old mark
  };

  enum class Saw { kEverything, kPart };

  void finish_wait(std::int64_t reached, Saw saw, std::optional<std::int64_t> drawn_before);
  void close_numbers(std::span<const std::int64_t> found);
  void merge_down();
  void keep_one_open();
  void move_to(std::int64_t number);
  void start_over(std::span<const std::int64_t> in_flight);

  const MarkMoves moves_;
  const Crowded crowded_ = Crowded::kMerge;
  const std::size_t most_open_;
  std::vector<NumberRange> open_{{kLowestNumber, kHighestNumber}};  // ascending, disjoint
  bool merged_ = false;                                             // open_ may contain numbers in flight
  std::optional<std::int64_t> highest_;                             // number read
  std::optional<std::int64_t> highest_from_before_;                 // that was in flight when it started over
  Phase phase_ = Phase::kSettled;
  std::int64_t candidate_ = kLowestNumber;
  LockHolders awaited_;
};

}  // namespace penstock::outbox
