// Reads Postgres's wire format out of bytes that nobody has checked: integers in network order, text
// with a terminating NUL. Never reads past the end: the first read that would makes it fail, and every
// later one answers zero or nothing.
#pragma once

#include <cstdint>
#include <string_view>
#include <type_traits>

namespace penstock::wal {

class WireReader {
 public:
  explicit WireReader(std::string_view bytes) : bytes_(bytes) {}

  bool failed() const { return failed_; }
  std::size_t offset() const { return offset_; }
  std::size_t left() const { return bytes_.size() - offset_; }
  bool at_end() const { return left() == 0; }

  std::uint8_t byte() { return integer<std::uint8_t>(); }
  std::uint16_t uint16() { return integer<std::uint16_t>(); }
  std::int32_t int32() { return integer<std::int32_t>(); }
  std::uint32_t uint32() { return integer<std::uint32_t>(); }
  std::int64_t int64() { return integer<std::int64_t>(); }
  std::uint64_t uint64() { return integer<std::uint64_t>(); }

  std::string_view bytes(std::size_t count) {
    if (failed_ || count > left()) return refuse();
    const std::string_view taken = bytes_.substr(offset_, count);
    offset_ += count;
    return taken;
  }
  // Up to a NUL, which is passed over.
  std::string_view text() {
    const auto end = failed_ ? std::string_view::npos : bytes_.find('\0', offset_);
    if (end == std::string_view::npos) return refuse();
    const std::string_view taken = bytes_.substr(offset_, end - offset_);
    offset_ = end + 1;
    return taken;
  }
  std::string_view rest() { return bytes(left()); }
  std::string_view between(std::size_t first, std::size_t end) const { return bytes_.substr(first, end - first); }

 private:
  template <typename Number>
  Number integer() {
    const std::string_view taken = bytes(sizeof(Number));
    std::make_unsigned_t<Number> number = 0;
    for (const char c : taken)
      number = static_cast<std::make_unsigned_t<Number>>(std::uint64_t{number} << 8 | static_cast<std::uint8_t>(c));
    return static_cast<Number>(number);
  }
  std::string_view refuse() {
    failed_ = true;
    return {};
  }

  std::string_view bytes_;
  std::size_t offset_ = 0;
  bool failed_ = false;
};

}  // namespace penstock::wal
