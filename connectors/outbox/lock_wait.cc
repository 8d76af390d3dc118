#include "connectors/outbox/lock_wait.h"

#include <utility>

#include "connectors/outbox/held_back.h"
#include "connectors/outbox/postgres_statements.h"

namespace penstock::outbox {
namespace {

using connectors::Blocker;
using store::postgres::Parameters;
using store::postgres::Session;
using store::postgres::SessionSettings;
using store::postgres::SqlCondition;
using store::postgres::Statement;

constexpr std::chrono::seconds kUntilAsked{1}, kBetweenLooks{2}, kAnswer{2};

}  // namespace

LockWait::LockWait(Session& waiting, const SessionSettings& ask, const std::stop_token& stop,
                   std::function<void()> meanwhile)
    : waiting_(waiting) {
  waiting_.watch_slow({kUntilAsked, kBetweenLooks, [this, &ask, stop, meanwhile = std::move(meanwhile)] {
                         if (meanwhile) meanwhile();
                         const auto other = Session::open(ask, Deadline::in(kAnswer), stop);
                         if (!other) return;
                         if (auto seen = look(**other, waiting_.server().pid, stop)) blocker_ = std::move(seen);
                       }});
}

LockWait::~LockWait() { waiting_.watch_slow({}); }

std::optional<Blocker> LockWait::look(Session& other, std::int64_t waiting_pid, const std::stop_token& stop) {
  static const Statement kHolder{"", kLockHolderStatement};
  Parameters pid;
  pid.int8(waiting_pid);
  const auto rows = other.run(kHolder, pid, Deadline::in(kAnswer), stop);
  if (!rows || rows->empty()) return std::nullopt;
  return blocker_in(*rows);
}

Error LockWait::named(Error error, const Session& waiting, const std::optional<Blocker>& blocker) {
  if (!blocker || waiting.failure().condition != SqlCondition::kLockTimeout) return error;
  return std::move(error).with_context("the lock is held by " + name_of(*blocker));
}

Error LockWait::named(Error error) const {
  if (!blocker_) return error;
  const bool knows_age = blocker_->age_is == Blocker::Age::kKnown;
  return std::move(error).with_context("it waited for " + name_of(*blocker_) +
                                       (knows_age ? ", open for " + std::to_string(blocker_->age.count()) + " s" : ""));
}

}  // namespace penstock::outbox
