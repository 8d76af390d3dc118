#include "connectors/wal/snapshot.h"

#include <algorithm>
#include <charconv>

namespace penstock::wal {
namespace {

// Takes a number and the separator behind it, if there is more.
std::optional<std::uint64_t> take_number(std::string_view& text, char separator) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  if (text.empty()) return number;
  if (text.front() != separator) return std::nullopt;
  text.remove_prefix(1);
  return number;
}

}  // namespace

std::optional<Snapshot> Snapshot::parse(std::string_view text) {
  if (std::ranges::count(text, ':') != 2) return std::nullopt;
  const auto first_running = take_number(text, ':');
  const auto end = take_number(text, ':');
  if (!first_running || !end || *first_running > *end) return std::nullopt;
  Snapshot snapshot;
  snapshot.first_running_ = *first_running;
  snapshot.end_ = *end;
  while (!text.empty()) {
    const auto running = take_number(text, ',');
    if (!running) return std::nullopt;
    snapshot.running_.push_back(*running);
  }
  std::ranges::sort(snapshot.running_);
  return snapshot;
}

bool Snapshot::sees(Xid xid) const {
  const auto behind = static_cast<std::int32_t>(xid.value - static_cast<std::uint32_t>(end_));
  const std::uint64_t whole = end_ + static_cast<std::uint64_t>(static_cast<std::int64_t>(behind));
  if (whole < first_running_) return true;
  return whole < end_ && !std::ranges::binary_search(running_, whole);
}

}  // namespace penstock::wal
