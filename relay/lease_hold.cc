#include "relay/lease_hold.h"

#include <utility>

#include "relay/reaction.h"

namespace penstock::relay {
namespace {

// A lease whose owner was killed is free at once, so this is most of a takeover's time.
constexpr std::chrono::milliseconds kStandbyPoll{500};

}  // namespace

void LeaseHold::on_news(LeaseNews news, SteadyTime now) {
  if (auto* taken = std::get_if<LeaseTaken>(&news)) {
    if (phase_ != Phase::kAsked) {
      port_.release(taken->lease);  // nobody wants it any more
      return;
    }
    lease_ = std::move(taken->lease);
    trusted_until_ = taken->trusted_until;
    phase_ = Phase::kHeld;
    back_off_.succeeded();
    error_.reset();
  } else if (auto* refused_news = std::get_if<LeaseRefused>(&news)) {
    if (phase_ == Phase::kAsked) refused(std::move(refused_news->error), now);
  } else if (const auto* renewed = std::get_if<LeaseRenewed>(&news)) {
    if (phase_ != Phase::kHeld || renewed->epoch != lease_.epoch) return;
    trusted_until_ = renewed->trusted_until;
    error_.reset();
  } else if (auto* not_renewed = std::get_if<LeaseNotRenewed>(&news)) {
    if (phase_ == Phase::kHeld && not_renewed->epoch == lease_.epoch) error_ = std::move(not_renewed->error);
  } else if (auto* lost = std::get_if<LeaseLost>(&news)) {
    if (phase_ == Phase::kHeld && lost->epoch == lease_.epoch) lose(std::move(lost->error));
  } else if (phase_ == Phase::kReleasing) {
    phase_ = Phase::kNone;
  }
}

void LeaseHold::refused(Error error, SteadyTime now) {
  phase_ = Phase::kNone;
  switch (react_to_lease_error(error.kind())) {
    case LeaseReaction::kStandBy: {
      const auto jitter = std::chrono::microseconds(random_.below(100'000));
      back_off_.succeeded();
      ask_at_ = now + kStandbyPoll + jitter;
      break;
    }
    case LeaseReaction::kBackOff:
      back_off_.failed(now);
      ask_at_ = back_off_.until();
      break;
  }
  error_ = std::move(error);
}

void LeaseHold::pursue(SteadyTime now) {
  if (phase_ != Phase::kNone || now < ask_at_) return;
  phase_ = Phase::kAsked;
  port_.take();
}

bool LeaseHold::is_lost(SteadyTime now) {
  if (phase_ == Phase::kHeld && now >= trusted_until_)
    lose(error_ ? std::move(*error_) : Error(codes::kTimeout, "the lease could not be renewed in time"));
  return phase_ == Phase::kLost;
}

void LeaseHold::lose(Error error) {
  if (phase_ != Phase::kHeld) return;
  phase_ = Phase::kLost;
  error_ = std::move(error);
}

void LeaseHold::accept_loss(SteadyTime now) {
  if (phase_ != Phase::kLost) return;
  phase_ = Phase::kNone;
  ask_at_ = now;
}

void LeaseHold::give_back(SteadyTime now, std::optional<Duration> pause) {
  ask_at_ = pause ? now + *pause : SteadyTime::max();
  if (phase_ == Phase::kHeld) {
    phase_ = Phase::kReleasing;
    port_.release(lease_);
  } else if (phase_ != Phase::kReleasing) {
    phase_ = Phase::kNone;
  }
}

SteadyTime LeaseHold::next_due() const {
  switch (phase_) {
    case Phase::kNone: return ask_at_;
    case Phase::kHeld: return trusted_until_;
    case Phase::kAsked:
    case Phase::kLost:
    case Phase::kReleasing: return SteadyTime::max();
  }
  return SteadyTime::max();
}

}  // namespace penstock::relay
