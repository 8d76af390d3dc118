// Whether this route may drive: asks for the lease, knows how long it can be trusted, and says when it
// is gone. Single-threaded.
#pragma once

#include <optional>

#include "core/random.h"
#include "relay/lease_port.h"
#include "relay/retry_policy.h"

namespace penstock::relay {

class LeaseHold {
 public:
  LeaseHold(LeasePort& port, const RetryPolicy& policy, Random& random)
      : port_(port), back_off_(policy), random_(random) {}

  void on_news(LeaseNews news, SteadyTime now);

  // Asks for the lease when it is time to.
  void pursue(SteadyTime now);

  // Nothing may be submitted when this is false.
  bool may_drive(SteadyTime now) const { return phase_ == Phase::kHeld && now < trusted_until_; }
  bool is_held() const { return phase_ == Phase::kHeld; }
  const Lease& lease() const { return lease_; }

  // Notices that the trust has run out, or that the lease was lost. True from the loss on, until
  // accept_loss(), which follows once nothing that was begun under it is on its way any more.
  bool is_lost(SteadyTime now);
  void accept_loss(SteadyTime now);
  // Somebody else found out that it is lost: a source or the store answered `fenced`.
  void lose(Error error);

  // Gives it back, and asks for it again only after `pause`; nullopt = never.
  void give_back(SteadyTime now, std::optional<Duration> pause);
  bool is_given_back() const { return phase_ == Phase::kNone; }

  // Why it is not held; null when it is, or at the very start.
  const Error* why() const { return error_ ? &*error_ : nullptr; }
  SteadyTime next_due() const;

 private:
  enum class Phase {
    kNone,
    kAsked,
    kHeld,
    kLost,  // until everything begun under it has ended
    kReleasing,
  };
  void refused(Error error, SteadyTime now);

  LeasePort& port_;
  BackOff back_off_;
  Random& random_;
  Phase phase_ = Phase::kNone;
  Lease lease_;
  SteadyTime trusted_until_{}, ask_at_{};
  std::optional<Error> error_;
};

}  // namespace penstock::relay
