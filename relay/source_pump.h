// The thread that owns a route's source and makes all its calls. Commands are carried out one after
// the other; answers go to the route's inbox.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>

#include "relay/interrupt.h"
#include "relay/route_inbox.h"
#include "relay/source_worker.h"

namespace penstock::relay {

class SourcePump final : public SourcePort {
 public:
  // How often a source that has nothing to do shows that it lives; its server ends a session that is silent for long.
  static constexpr std::chrono::seconds kKeepAlive{1};

  // `lists` and `inbox` outlive it.
  SourcePump(std::unique_ptr<connectors::Source> source, SourceWorker::Lists lists, SourceWorker::Names names,
             std::uint32_t attempts, RouteInbox& inbox, Duration keep_alive = kKeepAlive);
  // Waits for the call that is being made, after telling the source to give it up.
  ~SourcePump() override;
  SourcePump(const SourcePump&) = delete;
  SourcePump& operator=(const SourcePump&) = delete;

  // From any thread. Ends the wait of the open or read that is being made.
  void post(SourceCommand command) override;

 private:
  void run();
  enum class Rest { kOver, kCutShort };
  Rest rest_until(SteadyTime end, std::unique_lock<std::mutex>& lock);
  void carry_out(SourceCommand command, const std::stop_token& stop);

  std::unique_ptr<connectors::Source> source_;
  SourceWorker worker_;
  RouteInbox& inbox_;
  const Duration keep_alive_;
  Interrupt interrupt_;

  std::mutex mutex_;  // guards what follows
  std::condition_variable posted_;
  std::deque<SourceCommand> commands_;
  enum class Course { kGoesOn, kStop } course_ = Course::kGoesOn;

  std::jthread thread_;
};

}  // namespace penstock::relay
