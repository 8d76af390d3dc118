#include "tests/support/memory_source.h"

#include <algorithm>

#include "core/invariant.h"

namespace penstock::tests {

using connectors::MalformedRow;
using connectors::ReadBatch;
using connectors::ReadItem;
using connectors::ReadRoom;

void MemoryTable::add_row(Row row) {
  std::lock_guard lock(mutex_);
  rows_.push_back(std::move(row));
  changed_.notify_all();
}

void MemoryTable::add(EventRef event) { add_row({std::move(event), std::nullopt}); }
void MemoryTable::add(const MalformedRow& row) { add_row({nullptr, row}); }
void MemoryTable::add_passed() { add_row({nullptr, std::nullopt}); }

void MemoryTable::fail_by(std::function<std::optional<SourceFault>(SourceCall)> decide) {
  std::lock_guard lock(mutex_);
  decide_ = std::move(decide);
}

std::optional<SourceFault> MemoryTable::ask(SourceCall call) {
  std::function<std::optional<SourceFault>(SourceCall)> decide;
  {
    std::lock_guard lock(mutex_);
    decide = decide_;
  }
  return decide ? decide(call) : std::nullopt;
}

std::size_t MemoryTable::rows() const {
  std::lock_guard lock(mutex_);
  return rows_.size();
}

std::size_t MemoryTable::settled() const {
  std::lock_guard lock(mutex_);
  return settled_;
}

bool MemoryTable::wait_for_settled(std::size_t count, Deadline deadline) const {
  std::unique_lock lock(mutex_);
  return changed_.wait_until(lock, deadline.time(), [&] { return settled_ >= count; });
}

std::size_t MemoryTable::settle_calls() const {
  std::lock_guard lock(mutex_);
  return settle_calls_;
}

std::size_t MemoryTable::open_sources() const {
  std::lock_guard lock(mutex_);
  return open_sources_;
}

std::size_t MemoryTable::openings() const {
  std::lock_guard lock(mutex_);
  return openings_;
}

MemorySource::MemorySource(MemoryTable& table, MemorySourceSettings settings) : table_(table), settings_(settings) {}

MemorySource::~MemorySource() { MemorySource::close(); }

Status MemorySource::open(const connectors::OpenRequest& request, Deadline, std::stop_token) {
  INVARIANT(phase_ == Phase::kClosed, "a source that is open is not opened again");
  if (auto fault = table_.ask(SourceCall::kOpen)) return fail(std::move(fault->error));
  std::lock_guard lock(table_.mutex_);
  if (request.lease.epoch < table_.newest_) return fail(codes::kStoreFenced, "a newer lease has opened this table");
  table_.newest_ = epoch_ = request.lease.epoch;
  first_row_ = next_row_ = table_.settled_;
  phase_ = Phase::kOpen;
  ++table_.open_sources_;
  ++table_.openings_;
  return {};
}

Result<ReadBatch> MemorySource::read(const ReadRoom& room, Deadline deadline, std::stop_token stop) {
  INVARIANT(phase_ == Phase::kOpen, "only an open source is read");
  INVARIANT(room.events > 0, "a read without room makes no sense");
  if (auto fault = table_.ask(SourceCall::kRead)) {
    close();
    return fail(std::move(fault->error));
  }
  if (settings_.when_empty == MemorySourceSettings::WhenEmpty::kWaits) {
    std::unique_lock lock(table_.mutex_);
    table_.changed_.wait_until(lock, stop, deadline.time(), [&] { return table_.rows_.size() > next_row_; });
  }
  return take_rows(room);
}

ReadBatch MemorySource::take_rows(const ReadRoom& room) {
  std::lock_guard lock(table_.mutex_);
  ++reads_;
  ReadBatch batch;
  std::size_t bytes = 0;
  const std::size_t limit = std::min(room.events, settings_.batch);
  while (next_row_ < table_.rows_.size() && batch.items.size() < limit) {
    const MemoryTable::Row& row = table_.rows_[next_row_];
    const std::size_t size = row.event ? row.event->size_bytes() : row.malformed ? row.malformed->content.size() : 0;
    const bool admitted_alone = room.window == ReadRoom::Window::kEmpty && batch.items.empty();
    if (bytes + size > room.bytes && !admitted_alone) break;
    bytes += size;
    ReadItem item;
    item.mark = ReadMark{next_row_ - first_row_ + 1};
    item.event = row.event;
    if (row.malformed) item.malformed = std::make_unique<MalformedRow>(*row.malformed);
    batch.items.push_back(std::move(item));
    ++next_row_;
  }
  if (batch.items.empty() && settings_.when_empty == MemorySourceSettings::WhenEmpty::kReturns)
    batch.idle_for = std::chrono::milliseconds(5);
  return batch;
}

Status MemorySource::settle(ReadMark mark) {
  INVARIANT(phase_ == Phase::kOpen, "only an open source settles");
  INVARIANT(mark.value > 0 && first_row_ + mark.value <= next_row_, "only what was read can be settled");
  auto fault = table_.ask(SourceCall::kSettle);
  if (!fault || fault->effect == SourceFault::Effect::kTookEffect) {
    std::lock_guard lock(table_.mutex_);
    if (epoch_ < table_.newest_) return fail(codes::kStoreFenced, "a newer lease has opened this table");
    INVARIANT(first_row_ + mark.value >= table_.settled_, "settling never goes back");
    table_.settled_ = first_row_ + static_cast<std::size_t>(mark.value);
    ++table_.settle_calls_;
    table_.changed_.notify_all();
  }
  if (!fault) return {};
  close();
  return fail(std::move(fault->error));
}

void MemorySource::close() {
  if (phase_ == Phase::kClosed) return;
  phase_ = Phase::kClosed;
  std::lock_guard lock(table_.mutex_);
  --table_.open_sources_;
}

connectors::SourceFigures MemorySource::figures() const {
  connectors::SourceFigures figures;
  figures.reads = reads_;
  std::lock_guard lock(table_.mutex_);
  figures.lag_events = static_cast<std::int64_t>(table_.rows_.size() - table_.settled_);
  return figures;
}

EventRef counted_event(std::string_view key, std::uint64_t number, std::optional<Position> position) {
  const std::string stream = "order-" + std::string(key);
  const std::string data = std::to_string(number);
  Event event;
  event.id = EventId::from_name(kNamespaceUrl, stream + "#" + data);
  event.stream = stream;
  event.category = "order";
  event.type = "counted";
  event.data = data;
  event.content_type = "text/plain";
  event.key = key;
  event.position = position;
  if (position) event.version = Version{static_cast<std::int64_t>(number)};
  return make_event(event);
}

}  // namespace penstock::tests
