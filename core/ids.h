// Strong types for the numbers and ids that everybody speaks of. All are plain values.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "core/error.h"

namespace penstock {

// A number that can't be mistaken for another number.
template <typename Tag, typename Rep = std::int64_t>
struct StrongNumber {
  Rep value{};
  constexpr auto operator<=>(const StrongNumber&) const = default;
  constexpr StrongNumber next() const { return StrongNumber{value + 1}; }
};

// Global, gap-free, commit-ordered number of an event in the store, from 1. 0 = before everything.
using Position = StrongNumber<struct PositionTag>;
// Number of an event in its stream, from 0.
using Version = StrongNumber<struct VersionTag>;
// Raised each time a lease is taken; every write made under the lease carries it.
using Epoch = StrongNumber<struct EpochTag>;
// Order in which one opening of a source handed out its items: 1, 2, 3 …; 0 = nothing yet.
using ReadMark = StrongNumber<struct ReadMarkTag, std::uint64_t>;

// A UUID (RFC 9562), kept as its 16 bytes. Text form is lower case, 8-4-4-4-12.
class EventId {
 public:
  static constexpr std::size_t kTextLength = 36;

  constexpr EventId() = default;  // the nil UUID
  explicit constexpr EventId(const std::array<std::uint8_t, 16>& bytes) : bytes_(bytes) {}

  // Accepts upper and lower case, only with the four hyphens. Error: core.invalid_event_id.
  static Result<EventId> parse(std::string_view text);
  // Name-based (version 5): the same namespace and name give the same id for ever.
  static EventId from_name(const EventId& name_space, std::string_view name);

  const std::array<std::uint8_t, 16>& bytes() const { return bytes_; }
  std::string to_string() const;
  // Writes exactly kTextLength characters, no terminator.
  void write_text(char* out) const;

  bool is_nil() const { return *this == EventId(); }
  constexpr auto operator<=>(const EventId&) const = default;

 private:
  std::array<std::uint8_t, 16> bytes_{};
};

// RFC 9562 appendix: the namespace for names that are URLs.
extern const EventId kNamespaceUrl;

}  // namespace penstock

template <typename Tag, typename Rep>
struct std::hash<penstock::StrongNumber<Tag, Rep>> {
  std::size_t operator()(const penstock::StrongNumber<Tag, Rep>& number) const noexcept {
    return std::hash<Rep>()(number.value);
  }
};

template <>
struct std::hash<penstock::EventId> {
  std::size_t operator()(const penstock::EventId& id) const noexcept {
    const auto& bytes = id.bytes();
    return std::hash<std::string_view>()({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  }
};
