// Fills a page of events that share the memory of the stored ones.
#pragma once

#include <memory>
#include <utility>

#include "core/event.h"
#include "store/event_store.h"

namespace penstock::tests {

class PageBuilder {
 public:
  explicit PageBuilder(const store::ReadLimit& limit) : limit_(limit) {}

  bool has_room_for(const Event& event) const {
    return builder_.size() == 0 || (builder_.size() < limit_.events && bytes_ + event.size_bytes() <= limit_.bytes);
  }
  void add(const EventRef& event) {
    bytes_ += event->size_bytes();
    builder_.adopt(event);
    builder_.add(*event);
  }
  std::shared_ptr<const EventBatch> finish() && { return std::move(builder_).finish(); }

 private:
  const store::ReadLimit limit_;
  EventBatchBuilder builder_;
  std::size_t bytes_ = 0;
};

}  // namespace penstock::tests
