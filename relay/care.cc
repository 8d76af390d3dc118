#include "relay/care.h"

#include <algorithm>
#include <utility>

#include "core/invariant.h"

namespace penstock::relay {
namespace {

// So many may have been on their way when the program ended a second time, and are looked at one by one then.
constexpr std::size_t kFew = 100;
constexpr std::chrono::seconds kOutlived{10};
constexpr std::chrono::milliseconds kAskForTurn{20};

}  // namespace

void Care::on_opened(std::uint32_t unended) {
  stored_ = 0;
  forgetting_ = Forgetting::kNo;
  switch (unended) {
    case 0: level_ = Level::kUnproven; return;
    case 1: level_ = Level::kNarrow; return;
    default: level_ = Level::kCareful; return;
  }
}

void Care::clear() {
  attempt_ = Attempt::kNone;
  turn_.give_back(this);
}

std::optional<std::size_t> Care::at_once() const {
  switch (level_) {
    case Level::kUnknown:
    case Level::kNone:
    case Level::kUnproven: return std::nullopt;
    case Level::kNarrow: return kFew;
    case Level::kCareful: return 1;
  }
  return std::nullopt;
}

void Care::hold(Slot slot, std::string row) {
  INVARIANT(attempt_ == Attempt::kNone, "one event at a time is tried carefully");
  attempt_ = Attempt::kHeld;
  slot_ = slot;
  row_ = std::move(row);
}

std::optional<Slot> Care::held() const {
  return attempt_ == Attempt::kHeld || attempt_ == Attempt::kAsked ? std::optional(slot_) : std::nullopt;
}

void Care::pursue(SteadyTime now) {
  if (attempt_ == Attempt::kHeld && turn_.take(this)) {
    attempt_ = Attempt::kAsked;
    port_.post(BeginAttempt{row_});
  }
  if (attempt_ == Attempt::kUnderWay && now - begun_at_ >= kOutlived) outlive();
}

void Care::step_aside() {
  if (attempt_ == Attempt::kHeld) turn_.give_back(this);
}

std::optional<Slot> Care::on_begun(SteadyTime now) {
  if (attempt_ != Attempt::kAsked) return std::nullopt;
  attempt_ = Attempt::kUnderWay;
  begun_at_ = now;
  return slot_;
}

void Care::outlive() {
  if (attempt_ != Attempt::kUnderWay) return;
  attempt_ = Attempt::kOutlived;
  turn_.give_back(this);
  port_.post(TakeBack{TakeBack::What::kAttempt});
}

std::size_t Care::enough() const {
  switch (level_) {
    case Level::kUnknown:
    case Level::kNone: return SIZE_MAX;
    case Level::kUnproven: return 1;
    case Level::kNarrow: return window_;
    case Level::kCareful: return std::min(window_, kFew);
  }
  return SIZE_MAX;
}

void Care::on_stored(std::size_t items, Slot held) {
  if (items == 0) return;
  stored_ += items;
  // What was dropped before the event that is tried says nothing of that one.
  if (attempt_ != Attempt::kNone && slot_ >= held) return;
  clear();
  if (stored_ >= enough()) forget();
}

void Care::on_idle() {
  if (stored_ > 0 && enough() != SIZE_MAX) forget();
}

void Care::forget() {
  if (std::exchange(forgetting_, Forgetting::kAsked) == Forgetting::kNo) port_.post(TakeBack{TakeBack::What::kAll});
}

// A refusal changes nothing: the count is too high for a while, and is taken back with the next that is settled.
void Care::on_taken_back(TakeBack::What what, const Status& status) {
  if (what == TakeBack::What::kAttempt || std::exchange(forgetting_, Forgetting::kNo) == Forgetting::kNo) return;
  if (status) level_ = Level::kNone;
}

void Care::leave() {
  if (level_ == Level::kUnknown || level_ == Level::kNone) return;
  level_ = Level::kNone;
  port_.post(TakeBack{TakeBack::What::kAll});
}

SteadyTime Care::next_due(SteadyTime now) const {
  switch (attempt_) {
    case Attempt::kHeld: return now + kAskForTurn;
    case Attempt::kUnderWay: return begun_at_ + kOutlived;
    case Attempt::kNone:
    case Attempt::kAsked:
    case Attempt::kOutlived: return SteadyTime::max();
  }
  return SteadyTime::max();
}

}  // namespace penstock::relay
