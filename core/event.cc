#include "core/event.h"

#include <cstring>

namespace penstock {

std::size_t Event::size_bytes() const {
  return sizeof(Event) + stream.size() + category.size() + type.size() + content_type.size() + metadata.size() +
         (data ? data->size() : 0);
}

std::string_view key_of(std::string_view stream, std::string_view category) {
  if (stream.size() > category.size() && stream.starts_with(category) && stream[category.size()] == '-')
    return stream.substr(category.size() + 1);
  return stream;
}

std::string_view default_category(std::string_view stream) {
  const auto hyphen = stream.find('-');
  if (hyphen == std::string_view::npos || hyphen == 0) return stream;
  return stream.substr(0, hyphen);
}

EventRef EventBatch::ref(const std::shared_ptr<const EventBatch>& batch, std::size_t index) {
  return EventRef(batch, &batch->events_[index]);
}

EventBatchBuilder::EventBatchBuilder() : batch_(new EventBatch()) {}

std::string_view EventBatchBuilder::keep(std::string_view bytes) {
  if (bytes.empty()) return "";
  auto* copy = static_cast<char*>(batch_->arena_.allocate(bytes.size(), 1));
  std::memcpy(copy, bytes.data(), bytes.size());
  return {copy, bytes.size()};
}

void EventBatchBuilder::adopt(std::shared_ptr<const void> memory) { batch_->adopted_.push_back(std::move(memory)); }

void EventBatchBuilder::reserve(std::size_t events) { batch_->events_.reserve(events); }

Event& EventBatchBuilder::add(const Event& event) { return batch_->events_.emplace_back(event); }

std::shared_ptr<const EventBatch> EventBatchBuilder::finish() && { return std::move(batch_); }

EventRef make_event(const Event& event) {
  EventBatchBuilder builder;
  Event copy = event;
  copy.stream = builder.keep(event.stream);
  copy.category = builder.keep(event.category);
  copy.type = builder.keep(event.type);
  if (event.data) copy.data = builder.keep(*event.data);
  copy.content_type = builder.keep(event.content_type);
  copy.metadata = builder.keep(event.metadata);
  if (event.key) copy.key = builder.keep(*event.key);
  copy.source_position = builder.keep(event.source_position);
  builder.add(copy);
  return EventBatch::ref(std::move(builder).finish(), 0);
}

}  // namespace penstock
