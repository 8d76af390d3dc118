// The thread that takes, renews and releases the leases of all routes of this program, so that a route
// that waits for its sink or its database keeps its right all the same.
//
// Renewals come first: taking a lease may block on another instance's lock, losing one costs a route
// its window.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "relay/lease_port.h"
#include "relay/route_inbox.h"
#include "store/leases.h"

namespace penstock::relay {

// What the lease of a route is called in the store.
std::string lease_name_of(std::string_view route);

class LeaseKeeper {
 public:
  // `leases` and `clock` outlive it. `owner` names this instance.
  LeaseKeeper(store::Leases& leases, const Clock& clock, std::string owner);
  // Ends the thread after the call that is being made. Releases nothing: what is held ends with the
  // store's session.
  ~LeaseKeeper();
  LeaseKeeper(const LeaseKeeper&) = delete;
  LeaseKeeper& operator=(const LeaseKeeper&) = delete;

  // The lease of one route; its news go to `inbox`, which outlives the keeper. The port is the
  // keeper's. From any thread.
  LeasePort& add_route(const std::string& route, RouteInbox& inbox);

 private:
  enum class Want { kNothing, kTake, kRelease };
  struct Entry final : LeasePort {
    Entry(LeaseKeeper& its_keeper, std::string lease_name, RouteInbox& its_inbox)
        : keeper(its_keeper), name(std::move(lease_name)), inbox(its_inbox) {}
    void take() override { keeper.want(*this, Want::kTake, {}); }
    void release(const Lease& lease) override { keeper.want(*this, Want::kRelease, lease); }

    LeaseKeeper& keeper;
    const std::string name;
    RouteInbox& inbox;
    // Guarded by the keeper's mutex:
    std::deque<std::pair<Want, Lease>> wants;
    std::optional<Lease> held;
    SteadyTime renew_at{};
  };
  struct Task {
    Entry* entry = nullptr;
    enum class Is { kTake, kRenew, kRelease } is = Is::kTake;
    Lease lease;
  };

  void want(Entry& entry, Want what, Lease lease);
  void run();
  std::optional<Task> next_task(SteadyTime now);
  SteadyTime next_renewal() const;
  void carry_out(const Task& task);
  void take(Entry& entry);
  void renew(Entry& entry, const Lease& lease);

  store::Leases& leases_;
  const Clock& clock_;
  const std::string owner_;

  std::mutex mutex_;  // guards what follows, never held during a call to the store
  std::condition_variable wake_;
  std::vector<std::unique_ptr<Entry>> entries_;
  enum class Course { kGoesOn, kStop } course_ = Course::kGoesOn;

  std::jthread thread_;
};

}  // namespace penstock::relay
