// The event, and how many of them share one block of memory.
//
// An Event is a set of views. The bytes live in the EventBatch that it belongs to (a page read from
// the store, a poll of an outbox, one API call), so an event costs no allocation of its own and its
// payload is moved from socket to socket without being copied or encoded again. An EventRef keeps
// the whole batch alive; never keep an Event by value.
#pragma once

#include <cstddef>
#include <memory>
#include <memory_resource>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "core/ids.h"

namespace penstock {

// An immutable fact. Text is UTF-8 without NUL; `data` is any bytes.
struct Event {
  EventId id;
  std::string_view stream;
  std::string_view category;
  std::string_view type;
  std::optional<std::string_view> data;  // nullopt = no data, which is not the same as empty data
  std::string_view content_type = "application/json";
  std::string_view metadata = "{}";  // the text of a JSON object, kept as it was written
  std::optional<Timestamp> occurred_at;

  // What order is kept by. Empty optional = ordered with nothing (see key_of for stored events).
  std::optional<std::string_view> key;

  // Given by a store; empty before.
  std::optional<Version> version;
  std::optional<Position> position;
  std::optional<Timestamp> recorded_at;

  // Where an ingested event was read: the order value, or LSN:index. Empty for stored events.
  std::string_view source_position;

  // Bytes that a bounded queue counts for this event, without any mapping.
  std::size_t size_bytes() const;
};

using EventRef = std::shared_ptr<const Event>;

// Key of a stored event: the stream name without a leading `<category>-`, else the whole name.
std::string_view key_of(std::string_view stream, std::string_view category);

// Category of a stream that nobody named one for: the text before the first `-`; the whole name if
// there is none or it leads.
std::string_view default_category(std::string_view stream);

// Events and the memory that they point into. Immutable and thread-safe once built.
class EventBatch {
 public:
  std::span<const Event> events() const { return events_; }
  std::size_t size() const { return events_.size(); }
  bool empty() const { return events_.empty(); }

  // A reference to event `index` that keeps `batch` alive. No allocation.
  static EventRef ref(const std::shared_ptr<const EventBatch>& batch, std::size_t index);

 private:
  friend class EventBatchBuilder;
  EventBatch() = default;
  std::pmr::monotonic_buffer_resource arena_;
  std::vector<std::shared_ptr<const void>> adopted_;
  std::vector<Event> events_;
};

// Fills one EventBatch. Single-threaded.
class EventBatchBuilder {
 public:
  EventBatchBuilder();

  // Copies bytes into the batch and returns the view that stays valid as long as the batch.
  std::string_view keep(std::string_view bytes);
  // Keeps foreign memory (a query result, a frame) alive as long as the batch, instead of copying.
  void adopt(std::shared_ptr<const void> memory);
  void reserve(std::size_t events);
  // All views of `event` must point into this batch, adopted memory, or static storage.
  Event& add(const Event& event);
  std::size_t size() const { return batch_->events_.size(); }

  std::shared_ptr<const EventBatch> finish() &&;

 private:
  std::shared_ptr<EventBatch> batch_;
};

// One event in a batch of its own; copies every view. For single appends and for tests.
EventRef make_event(const Event& event);

}  // namespace penstock
