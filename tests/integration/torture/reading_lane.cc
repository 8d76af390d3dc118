#include "tests/integration/torture/reading_lane.h"

#include <fmt/format.h>

#include <utility>

#include "tests/support/eventually.h"

namespace penstock::tests {
namespace {

using connectors::ReadBatch;
using connectors::ReadItem;
using connectors::ReadRoom;
using namespace std::chrono_literals;

constexpr std::size_t kMostUnsettled = 1'000;

// Of a call that a session was taken away from.
bool is_of_a_lost_session(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kUnavailable:
    case ErrorKind::kTimeout:
    case ErrorKind::kInDoubt:
    case ErrorKind::kConflict: return true;
    case ErrorKind::kThrottled:
    case ErrorKind::kFenced:
    case ErrorKind::kRejected:
    case ErrorKind::kUnauthorized:
    case ErrorKind::kInvalid:
    case ErrorKind::kInternal: return false;
  }
  return false;
}

}  // namespace

ReadingLane::ReadingLane(LateTable table, const std::function<std::unique_ptr<connectors::Source>()>& make,
                         std::uint64_t seed)
    : table_(std::move(table)),
      source_(make()),
      random_(seed),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

void ReadingLane::finish(std::size_t events, Deadline deadline) {
  give_up_at_ = deadline.time();
  expected_ = events;
  thread_.join();
}

void ReadingLane::run(const std::stop_token& stop) {
  while (!done() && !stop.stop_requested()) {
    if (state_ == State::kClosed && !open()) return;
    const ReadRoom room{1 + random_.below(200), 16 << 20,
                        unsettled_.empty() ? ReadRoom::Window::kEmpty : ReadRoom::Window::kInUse};
    const auto batch = source_->read(room, Deadline::in(50ms), {});
    if (!batch) {
      lose_session("read", batch.error());
      continue;
    }
    take(*batch);
    was_empty_ = batch->items.empty() && unsettled_.empty();
    settle();
    if (random_.below(200) == 0) end_opening();
    // A route too reads again when the source says that it is worth its while.
    if (batch->items.empty()) std::this_thread::sleep_for(batch->idle_for);
  }
  source_->close();
}

bool ReadingLane::done() const {
  if (std::chrono::steady_clock::now() >= give_up_at_.load()) return true;
  return seen_.size() >= expected_ && was_empty_;
}

bool ReadingLane::open() {
  Status opened;
  const auto attempt = [&] {
    opened = source_->open({{"route/" + table_.name, "torture", Epoch{static_cast<std::int64_t>(opening_ + 1)}}, {}},
                           Deadline::in(10s), {});
    return opened.has_value();
  };
  // The server needs a moment to notice the end of a session.
  if (!eventually(attempt)) {
    blame("can't be opened: " + opened.error().describe());
    return false;
  }
  state_ = State::kOpen;
  ++opening_;
  return true;
}

void ReadingLane::end_opening() {
  source_->close();
  state_ = State::kClosed;
  was_empty_ = false;
  unsettled_.clear();
  in_opening_.clear();
  settled_mark_ = 0;
}

void ReadingLane::take(const ReadBatch& batch) {
  for (const ReadItem& item : batch.items) {
    const std::uint64_t due = settled_mark_ + unsettled_.size() + 1;
    if (item.mark.value != due) blame(fmt::format("mark {} came when {} was due", item.mark.value, due));
    if (!item.event) {
      blame(item.malformed ? item.malformed->reason : "an item without an event");
      unsettled_.emplace_back();
      continue;
    }
    const Event& event = *item.event;
    std::string id = event.id.to_string();
    if (!in_opening_.insert(id).second) blame(id + " came twice in one opening");
    if (settled_.contains(id)) blame(id + " came again after it was settled");
    seen_.insert(id);
    arrived_.push_back({id, std::string(event.key.value_or("")), std::string(event.data.value_or("")), 0, opening_});
    unsettled_.push_back(std::move(id));
  }
}

// Some of it now and then; all of it when the writers are done, or before it becomes too much.
void ReadingLane::settle() {
  if (unsettled_.empty()) return;
  const bool all = expected_ != SIZE_MAX || unsettled_.size() > kMostUnsettled;
  if (!all && random_.below(3) != 0) return;
  const std::size_t count = all ? unsettled_.size() : 1 + random_.below(unsettled_.size());
  if (const auto settled = source_->settle(ReadMark{settled_mark_ + count}); !settled) {
    lose_session("settle", settled.error());
    return;
  }
  settled_mark_ += count;
  for (std::size_t i = 0; i < count; ++i) {
    settled_.insert(std::move(unsettled_.front()));
    unsettled_.pop_front();
  }
}

void ReadingLane::lose_session(const char* call, const Error& error) {
  if (!is_of_a_lost_session(error.kind())) blame(fmt::format("{}: {}", call, error.describe()));
  ++lost_sessions_;
  end_opening();
}

void ReadingLane::blame(std::string what) {
  // One is enough to see; the first counts.
  if (faults_.size() < 10) faults_.push_back(fmt::format("opening {}: {}", opening_, std::move(what)));
}

}  // namespace penstock::tests
