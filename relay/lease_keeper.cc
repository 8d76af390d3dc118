#include "relay/lease_keeper.h"

#include <algorithm>
#include <utility>

#include "core/without_exceptions.h"

namespace penstock::relay {
namespace {

constexpr std::chrono::milliseconds kRenewAgain{250};  // after a renewal that failed

}  // namespace

std::string lease_name_of(std::string_view route) { return "route/" + std::string(route); }

LeaseKeeper::LeaseKeeper(store::Leases& leases, const Clock& clock, std::string owner)
    : leases_(leases), clock_(clock), owner_(std::move(owner)), thread_([this] { run(); }) {}

LeaseKeeper::~LeaseKeeper() {
  {
    std::lock_guard lock(mutex_);
    course_ = Course::kStop;
  }
  wake_.notify_one();
  thread_.join();
}

LeasePort& LeaseKeeper::add_route(const std::string& route, RouteInbox& inbox) {
  std::lock_guard lock(mutex_);
  return *entries_.emplace_back(std::make_unique<Entry>(*this, lease_name_of(route), inbox));
}

void LeaseKeeper::want(Entry& entry, Want what, Lease lease) {
  {
    std::lock_guard lock(mutex_);
    entry.wants.emplace_back(what, std::move(lease));
    entry.held.reset();
  }
  wake_.notify_one();
}

void LeaseKeeper::run() {
  std::unique_lock lock(mutex_);
  while (course_ == Course::kGoesOn) {
    if (auto task = next_task(clock_.now())) {
      lock.unlock();
      carry_out(*task);
      lock.lock();
      continue;
    }
    const SteadyTime until = std::min(next_renewal(), std::chrono::steady_clock::now() + std::chrono::hours(1));
    wake_.wait_until(lock, until);
  }
}

SteadyTime LeaseKeeper::next_renewal() const {
  SteadyTime next = SteadyTime::max();
  for (const auto& entry : entries_)
    if (entry->held) next = std::min(next, entry->renew_at);
  return next;
}

std::optional<LeaseKeeper::Task> LeaseKeeper::next_task(SteadyTime now) {
  Entry* most_overdue = nullptr;
  for (const auto& entry : entries_) {
    if (!entry->held || entry->renew_at > now) continue;
    if (most_overdue == nullptr || entry->renew_at < most_overdue->renew_at) most_overdue = entry.get();
  }
  if (most_overdue != nullptr) return Task{most_overdue, Task::Is::kRenew, *most_overdue->held};
  const auto first =
      std::find_if(entries_.begin(), entries_.end(), [](const auto& entry) { return !entry->wants.empty(); });
  if (first == entries_.end()) return std::nullopt;
  Entry& entry = **first;
  auto [what, lease] = std::move(entry.wants.front());
  entry.wants.pop_front();
  std::rotate(first, first + 1, entries_.end());  // the others have their turn first
  return Task{&entry, what == Want::kTake ? Task::Is::kTake : Task::Is::kRelease, std::move(lease)};
}

void LeaseKeeper::carry_out(const Task& task) {
  switch (task.is) {
    case Task::Is::kTake: take(*task.entry); return;
    case Task::Is::kRenew: renew(*task.entry, task.lease); return;
    case Task::Is::kRelease:
      (void)without_exceptions("the leases", [&] { return leases_.release(task.lease); });
      task.entry->inbox.lease_news(LeaseReleased{});
      return;
  }
}

void LeaseKeeper::take(Entry& entry) {
  const SteadyTime sent = clock_.now();
  auto lease = without_exceptions("the leases", [&] { return leases_.take(entry.name, owner_); });
  if (!lease) {
    entry.inbox.lease_news(LeaseRefused{std::move(lease.error())});
    return;
  }
  {
    std::lock_guard lock(mutex_);
    if (entry.wants.empty()) {
      entry.held = *lease;
      entry.renew_at = sent + store::kLeaseRenewal;
    }
  }
  entry.inbox.lease_news(LeaseTaken{std::move(*lease), sent + store::kLeaseTrust});
}

void LeaseKeeper::renew(Entry& entry, const Lease& lease) {
  const SteadyTime sent = clock_.now();
  const Status renewed = without_exceptions("the leases", [&] { return leases_.renew(lease); });
  const bool lost =
      !renewed && (renewed.error().kind() == ErrorKind::kFenced || renewed.error().kind() == ErrorKind::kConflict);
  {
    std::lock_guard lock(mutex_);
    if (!entry.held || entry.held->epoch != lease.epoch) return;
    if (lost) entry.held.reset();
    entry.renew_at = renewed ? sent + store::kLeaseRenewal : clock_.now() + kRenewAgain;
  }
  if (renewed) {
    entry.inbox.lease_news(LeaseRenewed{lease.epoch, sent + store::kLeaseTrust});
  } else if (lost) {
    entry.inbox.lease_news(LeaseLost{lease.epoch, renewed.error()});
  } else {
    entry.inbox.lease_news(LeaseNotRenewed{lease.epoch, renewed.error()});
  }
}

}  // namespace penstock::relay
