#include "connectors/outbox/postgres_intake.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "connectors/outbox/postgres_statements.h"

namespace penstock::outbox {
namespace {

using store::postgres::Rows;

constexpr std::size_t kSmallestFetch = 1 << 20;  // bytes of one answer that are always allowed
constexpr std::size_t kSmallestColumnLimit = 2 << 10;
constexpr int kScansBeforeShrinking = 64;
constexpr std::size_t kLongestKey = 1'024;
// Large rows a scan; the server may have to read each of them.
constexpr std::size_t kLookedAtAgain = 4;

}  // namespace

FetchLimit::FetchLimit(std::size_t largest) : largest_(largest), column_bytes_(kSmallestColumnLimit) {}

FetchBounds FetchLimit::bounds(const ScanRoom& room) const {
  const std::size_t fetch = std::max(room.bytes, kSmallestFetch);
  const std::size_t row = column_bytes_ * std::max<std::size_t>(long_columns_, 1);
  return {std::clamp<std::size_t>(fetch / row, 1, room.rows), column_bytes_};
}

void FetchLimit::let_through(std::size_t bytes) {
  column_bytes_ = std::min(std::bit_ceil(std::max(bytes, kSmallestColumnLimit)), largest_);
  scans_since_ = 0;
}

void FetchLimit::scanned() {
  if (++scans_since_ < kScansBeforeShrinking) return;
  column_bytes_ = std::max(column_bytes_ / 2, kSmallestColumnLimit);
  scans_since_ = 0;
}

PostgresIntake::PostgresIntake(std::size_t event_bytes)
    : event_bytes_(event_bytes), limit_(event_bytes + kOtherColumnsBytes) {}

void PostgresIntake::expect(std::vector<PostgresColumn> columns, const RoleColumns& roles) {
  columns_ = std::move(columns);
  roles_ = roles;
  const auto may_be_long = std::ranges::count(columns_, PostgresColumn::Guard::kByLength, &PostgresColumn::guard);
  limit_.expect(static_cast<std::size_t>(may_be_long));
  cells_.resize(columns_.size());
  large_rows_.clear();
}

// In turn.
void PostgresIntake::look_again(std::size_t most_rows) {
  for (std::size_t left = std::min(kLookedAtAgain, most_rows / 2); left > 0 && !large_rows_.empty(); --left) {
    auto row = large_rows_.upper_bound(looked_again_to_);
    if (row == large_rows_.end()) row = large_rows_.begin();
    looked_again_to_ = row->first;
    large_rows_.erase(row);
  }
}

PostgresIntake::Measured PostgresIntake::measure(const Rows& rows, std::size_t row) const {
  const auto length = [&](ScanColumn column) {
    return static_cast<std::size_t>(rows.integer(row, static_cast<std::size_t>(column)));
  };
  const RowSize in_database{length(ScanColumn::kPayloadBytes), length(ScanColumn::kOtherBytes)};
  RowSize handed_over;
  std::size_t unguarded = 0;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    const std::size_t bytes = rows.bytes(row, kFirstTableColumn + i).size();
    if (columns_[i].guard == PostgresColumn::Guard::kNone)
      unguarded += bytes;
    else
      (roles_[Role::kPayload] == i ? handed_over.payload : handed_over.others) += bytes;
  }
  const bool held_back = rows.boolean(row, static_cast<std::size_t>(ScanColumn::kHeldBack));
  const RowSize size = held_back ? in_database : handed_over;
  Verdict verdict = held_back ? Verdict::kHeldBack : Verdict::kWhole;
  if (is_too_large(size, event_bytes_)) verdict = Verdict::kTooLarge;
  return {verdict, size, kRowOverhead + size.total() + unguarded, std::max(in_database.payload, in_database.others)};
}

Result<std::optional<ScanEnd>> PostgresIntake::take_rows(const Rows& rows, const Asked& asked, const ScanRoom& room,
                                                         RowReceiver& receiver) {
  std::size_t taken_bytes = 0;
  bool always = room.first_row == ScanRoom::FirstRow::kAlways;
  std::size_t passed = 0;
  XidPlace previous;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    const std::int64_t number = rows.integer(row, static_cast<std::size_t>(ScanColumn::kNumber));
    const XidPlace place{rows.integer(row, static_cast<std::size_t>(ScanColumn::kXid)), number};
    if (place < previous) return fail(codes::kInternal, "the answer of a scan is not in order");
    previous = place;
    const Measured measured = measure(rows, row);
    if (measured.verdict != Verdict::kTooLarge && taken_bytes + measured.bytes > room.bytes && !always)
      return std::optional(ScanEnd::kCutShort);
    if (measured.verdict == Verdict::kHeldBack) {
      if (measured.longest_column <= asked.bounds.column_bytes)
        return fail(codes::kInternal, "a scan held back a column that is not longer than what it was to let through");
      limit_.let_through(measured.longest_column);
      return row == 0 ? std::nullopt : std::optional(ScanEnd::kCutShort);
    }
    if (measured.verdict == Verdict::kTooLarge && std::ranges::binary_search(asked.kept, number)) {
      large_rows_[number] = rows.integer(row, static_cast<std::size_t>(ScanColumn::kIdHash));
      ++passed;
      continue;
    }
    for (std::size_t i = 0; i < cells_.size(); ++i) cells_[i] = cell_of(rows, row, i);
    if (measured.verdict == Verdict::kTooLarge) {
      take_large_row(place, measured.size, receiver);
      continue;
    }
    receiver.whole_row({number, cells_, place.xid});
    taken_bytes += measured.bytes;
    always = false;
  }
  if (rows.size() < asked.bounds.rows) return std::optional(ScanEnd::kExhausted);
  return passed == rows.size() ? std::nullopt : std::optional(ScanEnd::kCutShort);
}

void PostgresIntake::take_large_row(const XidPlace& place, const RowSize& size, RowReceiver& receiver) {
  std::optional<std::string_view> key;
  if (const auto column = roles_[Role::kAggregateId])
    if (cells_[*column].is == Cell::Is::kText && cells_[*column].bytes.size() <= kLongestKey)
      key = cells_[*column].bytes;
  receiver.large_row({place.number, {}, place.xid}, size, key);
}

Cell PostgresIntake::cell_of(const Rows& rows, std::size_t row, std::size_t column) const {
  const std::size_t at = kFirstTableColumn + column;
  if (rows.is_null(row, at)) return Cell::null();
  switch (columns_[column].type) {
    case ColumnType::kUuid: return Cell::uuid(rows.bytes(row, at));
    case ColumnType::kBytes: return Cell::blob(rows.bytes(row, at));
    case ColumnType::kInteger: return Cell::integer(rows.integer(row, at));
    case ColumnType::kTime: {
      // The ends of the range stand for -infinity and infinity.
      const std::int64_t time = rows.integer(row, at);
      if (time == kLowestNumber || time == kHighestNumber) return Cell::time(time);
      return Cell::time(store::postgres::from_postgres_time(time).time_since_epoch().count());
    }
    case ColumnType::kText:
    case ColumnType::kPaddedText:
    case ColumnType::kJson:
    case ColumnType::kNumber:
    case ColumnType::kBoolean:
    case ColumnType::kDynamic: return Cell::text(rows.bytes(row, at));
  }
  return Cell::null();
}

}  // namespace penstock::outbox
