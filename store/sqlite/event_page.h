// Rows of the table `events` as the events of one page.
#pragma once

#include <memory>

#include "core/event.h"
#include "store/event_store.h"
#include "store/sqlite/connection.h"

namespace penstock::store::sqlite {

// What EventPage reads, in its order.
inline constexpr std::string_view kEventColumns =
    "position, stream, category, version, id, type, data, content_type, metadata, occurred_at, recorded_at";

class EventPage {
 public:
  explicit EventPage(const ReadLimit& limit) : limit_(limit) {}

  // Adds the cursor's row, unless the page has an event and no room for this one.
  // A stub is passed over.
  enum class Added { kYes, kStub, kNoRoom };
  Added add(const Cursor& row);
  // The cursor's row as an event; its views live until the next step.
  static Event event_in(const Cursor& row);

  bool is_full() const { return builder_.size() >= limit_.events; }
  std::size_t size() const { return builder_.size(); }
  // The last position that was added or passed over.
  Position reached() const { return reached_; }
  std::uint64_t stubs() const { return stubs_; }
  std::shared_ptr<const EventBatch> finish() && { return std::move(builder_).finish(); }

 private:
  // Most rows repeat these of the row before them: then they share its bytes.
  std::string_view keep(std::string_view text, std::string_view& last);

  const ReadLimit limit_;
  EventBatchBuilder builder_;
  std::size_t bytes_ = 0;
  Position reached_;
  std::uint64_t stubs_ = 0;
  std::string_view category_, type_, content_type_, metadata_;
};

}  // namespace penstock::store::sqlite
