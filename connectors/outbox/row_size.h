// What a row may weigh: one rule for all that rows are read from. Pure values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace penstock::outbox {

// The columns beside the payload may have so many bytes together, beyond event_bytes: room for the longest names and
// metadata.
inline constexpr std::size_t kOtherColumnsBytes = 128 << 10;

// Of the values as they are handed over: text, or the bytes themselves. A few bytes of columns that are always short
// may be left out.
struct RowSize {
  std::uint64_t payload = 0, others = 0;
  std::uint64_t total() const { return payload + others; }
};

// The payload is held against `event_bytes` alone, as the data of an event is in the store.
bool is_too_large(const RowSize& size, std::size_t event_bytes);

// "the payload has 1100000 bytes, and [limits] event_bytes allows 1048576", of one that is too large; less where nobody
// knows its size.
std::string words_of_too_large(const RowSize& size, std::size_t event_bytes);

}  // namespace penstock::outbox
