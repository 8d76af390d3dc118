#include "connectors/rabbitmq/handover.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include "core/invariant.h"

namespace penstock::rabbitmq {
namespace {

using connectors::SinkState;
using connectors::Submitted;

// So many wait for flush() at most; then sending begins while the rest is still being submitted.
constexpr std::size_t kHeldBack = 64;

}  // namespace

Handover::Handover(std::size_t window_bytes)
    : window_bytes_(window_bytes), wake_descriptor_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  INVARIANT(wake_descriptor_ >= 0, "a descriptor is free for the sink");
}

Handover::~Handover() { ::close(wake_descriptor_); }

Submitted Handover::submit(connectors::Ticket ticket, const connectors::Message& message) {
  const std::size_t bytes = message.size_bytes();
  std::size_t waiting = 0;
  {
    std::lock_guard lock(mutex_);
    const bool takes = state_.phase == SinkState::Phase::kReady || state_.phase == SinkState::Phase::kBlocked;
    if (!takes || (held_bytes_ > 0 && held_bytes_ + bytes > window_bytes_)) return Submitted::kFull;
    submitted_.push_back({.ticket = ticket, .message = &message, .bytes = bytes});
    held_bytes_ += bytes;
    ++unanswered_;
    waiting = submitted_.size();
  }
  if (waiting >= kHeldBack) wake();
  return Submitted::kAccepted;
}

void Handover::flush() {
  {
    std::lock_guard lock(mutex_);
    if (submitted_.empty()) return;
  }
  wake();
}

void Handover::wake() {
  {
    std::lock_guard lock(mutex_);
    if (other_ == Other::kWasWoken) return;
    other_ = Other::kWasWoken;
  }
  const std::uint64_t one = 1;
  const auto written = ::write(wake_descriptor_, &one, sizeof one);
  INVARIANT(written == sizeof one, "a counter of wake-ups can be raised");
}

void Handover::clear_wake() {
  std::uint64_t count = 0;
  const auto ignored = ::read(wake_descriptor_, &count, sizeof count);  // nothing there is fine
  static_cast<void>(ignored);
  std::lock_guard lock(mutex_);
  other_ = Other::kMaySleep;
}

void Handover::take(std::deque<Accepted>& out) {
  std::lock_guard lock(mutex_);
  if (out.empty()) {
    out.swap(submitted_);
    return;
  }
  out.insert(out.end(), submitted_.begin(), submitted_.end());
  submitted_.clear();
}

void Handover::answered(std::size_t messages, std::size_t bytes) {
  {
    std::lock_guard lock(mutex_);
    INVARIANT(messages <= unanswered_ && bytes <= held_bytes_, "an outcome belongs to an accepted message");
    unanswered_ -= messages;
    held_bytes_ -= bytes;
    if (unanswered_ > 0) return;
  }
  changed_.notify_all();
}

bool Handover::wait_until_answered(Deadline deadline) {
  std::unique_lock lock(mutex_);
  return changed_.wait_until(lock, deadline.time(), [this] { return unanswered_ == 0; });
}

void Handover::lose_right(std::shared_ptr<const Error> why) {
  {
    std::lock_guard lock(mutex_);
    right_ = Right::kLost;
    state_ = {.phase = SinkState::Phase::kClosed, .why = std::move(why)};
  }
  wake();
}

void Handover::regain_right() {
  std::lock_guard lock(mutex_);
  INVARIANT(unanswered_ == 0, "a sink is opened again only after every outcome has arrived");
  right_ = Right::kHeld;
}

bool Handover::has_right() const {
  std::lock_guard lock(mutex_);
  return right_ == Right::kHeld;
}

SinkState Handover::state() const {
  std::lock_guard lock(mutex_);
  return state_;
}

bool Handover::enter(SinkState state) {
  std::lock_guard lock(mutex_);
  if (right_ == Right::kLost || state_.phase == state.phase) return false;
  state_ = std::move(state);
  return true;
}

}  // namespace penstock::rabbitmq
