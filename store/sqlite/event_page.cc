#include "store/sqlite/event_page.h"

#include "store/sqlite/database.h"

namespace penstock::store::sqlite {

Event EventPage::event_in(const Cursor& row) {
  return {.id = row.id(4),
          .stream = row.text(1),
          .category = row.text(2),
          .type = row.text(5),
          .data = row.optional_blob(6),
          .content_type = row.text(7),
          .metadata = row.text(8),
          .occurred_at = timestamp_of(row.number(9)),
          .key = std::nullopt,
          .version = Version{row.number(3)},
          .position = Position{row.number(0)},
          .recorded_at = timestamp_of(row.number(10)),
          .source_position = {}};
}

EventPage::Added EventPage::add(const Cursor& row) {
  Event event = event_in(row);
  if (event.type.empty()) {
    ++stubs_;
    reached_ = *event.position;
    return Added::kStub;
  }
  const std::size_t bytes = event.size_bytes();
  if (builder_.size() > 0 && (is_full() || bytes_ + bytes > limit_.bytes)) return Added::kNoRoom;
  bytes_ += bytes;
  event.stream = builder_.keep(event.stream);
  event.category = keep(event.category, category_);
  event.type = keep(event.type, type_);
  event.content_type = keep(event.content_type, content_type_);
  event.metadata = keep(event.metadata, metadata_);
  if (event.data) event.data = builder_.keep(*event.data);
  event.key = key_of(event.stream, event.category);
  builder_.add(event);
  reached_ = *event.position;
  return Added::kYes;
}

std::string_view EventPage::keep(std::string_view text, std::string_view& last) {
  if (text != last) last = builder_.keep(text);
  return last;
}

}  // namespace penstock::store::sqlite
