#include "store/hot_tail.h"

#include <algorithm>
#include <exception>

namespace penstock::store {
namespace {

// Nearer to the head than this is at the tail: what is missing is a few pages.
constexpr std::int64_t kNear = 5'000;
constexpr std::size_t kPageEvents = 1'000, kPageBytes = 1 << 20;

std::size_t bytes_of(const EventBatch& events) {
  std::size_t bytes = 0;
  for (const Event& event : events.events()) bytes += event.size_bytes();
  return bytes;
}

// Every position has an event or a stub.
bool has_no_gap(Position after, const LogPage& page) {
  const auto there = static_cast<std::int64_t>(page.events->size() + page.removed);
  return page.reached.value - after.value == there;
}

// Chunks have no gap: what is no event is a stub.
LogPage page_up_to(EventBatchBuilder builder, Position after, Position reached, const LogFilter& filter) {
  LogPage page{std::move(builder).finish(), reached};
  const auto positions = static_cast<std::uint64_t>(reached.value - after.value);
  if (filter.admits_all()) page.removed = positions - page.events->size();
  return page;
}

void adopt(EventBatchBuilder& builder, const std::shared_ptr<const EventBatch>& chunk,
           const std::vector<const Event*>& events) {
  if (events.empty()) return;
  builder.adopt(chunk);
  for (const Event* event : events) builder.add(*event);
}

// Its views point into the batch that is built.
Event copied(EventBatchBuilder& builder, const Event& event) {
  Event copy = event;
  copy.stream = builder.keep(event.stream);
  copy.category = builder.keep(event.category);
  copy.type = builder.keep(event.type);
  if (event.data) copy.data = builder.keep(*event.data);
  copy.content_type = builder.keep(event.content_type);
  copy.metadata = builder.keep(event.metadata);
  if (event.key) copy.key = builder.keep(*event.key);
  return copy;
}

}  // namespace

HotTail::HotTail(Load load, std::size_t bytes)
    : load_(std::move(load)),
      most_bytes_(bytes),
      page_{.events = kPageEvents, .bytes = std::clamp<std::size_t>(bytes / 4, 1, kPageBytes)} {}

Result<std::optional<LogPage>> HotTail::read_after(Position after, const ReadLimit& limit, const LogFilter& filter,
                                                   const Known& known) {
  std::unique_lock lock(mutex_);
  if (known.generation > generation_) {
    forget();
    generation_ = known.generation;
  }
  // A read that began before this call may have missed what its caller knows to be there.
  const std::uint64_t too_old = reads_begun_;
  for (;;) {
    if (known.generation < generation_) return std::nullopt;
    if (holds_next_of(after)) {
      const std::vector<Chunk> chunks = chunks_after(after);
      lock.unlock();
      return page_of(chunks, after, limit, filter);
    }
    const bool is_behind = !chunks_.empty() && after < begin();
    if (is_behind || !is_near(after, known.head)) return std::nullopt;

    if (reads_begun_ != reads_ended_) {
      const std::uint64_t awaited = reads_begun_;
      read_ended_.wait(lock, [&] { return reads_ended_ >= awaited; });
      const bool was_for_us = awaited > too_old && reads_ended_ == awaited && last_read_after_ == after;
      if (!was_for_us || holds_next_of(after)) continue;
      if (last_error_) return fail(*last_error_);
      return LogPage{EventBatchBuilder().finish(), after};
    }

    ++reads_begun_;
    lock.unlock();
    const auto loaded = load(after);
    lock.lock();
    end_read(after);
    last_error_.reset();
    if (loaded && known.generation == generation_)
      take_in(after, *loaded);
    else if (loaded)
      last_error_ = Error(codes::kRelayLogChanged, "the log became another one while it was read");
    else
      last_error_ = loaded.error();
    if (!loaded) return fail(loaded.error());
    if (loaded->page.reached == after) return LogPage{EventBatchBuilder().finish(), after};
    // A page with a hole was not taken in: whoever reads the table will judge it.
    if (!holds_next_of(after)) return std::nullopt;
  }
}

Result<HotTail::Loaded> HotTail::load(Position after) {
  try {
    return load_(after, page_);
  } catch (const std::exception&) {
    // It is passed on to this caller alone; who waits for the read reads for itself.
    std::lock_guard lock(mutex_);
    end_read(std::nullopt);
    throw;
  }
}

void HotTail::end_read(std::optional<Position> after) {
  ++reads_ended_;
  last_read_after_ = after;
  read_ended_.notify_all();
}

std::size_t HotTail::size_bytes() const {
  std::lock_guard lock(mutex_);
  return bytes_;
}

bool HotTail::is_near(Position after, Position head) const {
  const bool is_known = head > Position{0};
  return is_known && head >= after && head.value - after.value <= kNear;
}

void HotTail::forget() {
  chunks_.clear();
  bytes_ = 0;
}

void HotTail::take_in(Position after, const Loaded& loaded) {
  const bool continues = !chunks_.empty() && end() == after && identity_ == loaded.identity;
  if (!continues) forget();
  identity_ = loaded.identity;
  if (loaded.page.reached == after || !has_no_gap(after, loaded.page)) return;
  const std::size_t bytes = bytes_of(*loaded.page.events);
  chunks_.push_back({loaded.page.events, after, loaded.page.reached, bytes});
  bytes_ += bytes;
  while (bytes_ > most_bytes_ && chunks_.size() > 1) {
    bytes_ -= chunks_.front().bytes;
    chunks_.pop_front();
  }
}

std::vector<HotTail::Chunk> HotTail::chunks_after(Position after) const {
  const auto first =
      std::find_if(chunks_.begin(), chunks_.end(), [&](const Chunk& chunk) { return after < chunk.end; });
  return {first, chunks_.end()};
}

LogPage HotTail::page_of(const std::vector<Chunk>& chunks, Position after, const ReadLimit& limit,
                         const LogFilter& filter) {
  EventBatchBuilder builder;
  std::vector<const Event*> taken;  // out of one chunk
  std::size_t bytes = 0;
  Position reached = after;
  bool is_full = false;
  for (const Chunk& chunk : chunks) {
    const auto events = chunk.events->events();
    const auto first = std::upper_bound(events.begin(), events.end(), after,
                                        [](Position at, const Event& event) { return at < *event.position; });
    taken.clear();
    const std::size_t bytes_before = bytes;
    for (const Event& event : events.subspan(static_cast<std::size_t>(first - events.begin()))) {
      if (filter.admits(event)) {
        const std::size_t own = event.size_bytes(), before = builder.size() + taken.size();
        is_full = before > 0 && (before == limit.events || bytes + own > limit.bytes);
        if (is_full) break;
        taken.push_back(&event);
        bytes += own;
      }
      reached = *event.position;
    }
    if (builder.size() == 0) builder.reserve(taken.size());
    // Nobody counts what a filter drops, so it lives on with what is taken only where it is the lesser part.
    if (filter.admits_all() || bytes - bytes_before >= chunk.bytes / 2)
      adopt(builder, chunk.events, taken);
    else
      for (const Event* event : taken) builder.add(copied(builder, *event));
    if (is_full) break;
    reached = chunk.end;
  }
  return page_up_to(std::move(builder), after, reached, filter);
}

}  // namespace penstock::store
