// Where everything that happens to a route arrives, from whatever thread, until the route's thread
// takes it. Bounded by what is under way: one outcome a message in flight, one answer a command.
//
// Thread-safe. Wake-ups are coalesced: nobody is notified unless the route's thread waits.
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "connectors/outcome.h"
#include "relay/lease_port.h"
#include "relay/source_port.h"

namespace penstock::relay {

class RouteInbox final : public connectors::OutcomeListener {
 public:
  struct AnswerWithFigures {
    AnswerWithFigures(SourceAnswer given, const connectors::SourceFigures& then)
        : answer(std::move(given)), figures(then) {}
    AnswerWithFigures(AnswerWithFigures&&) noexcept = default;  // batches are never copied
    AnswerWithFigures& operator=(AnswerWithFigures&&) noexcept = default;

    SourceAnswer answer;
    connectors::SourceFigures figures;
  };
  // What arrived since the last take, each kind in its order. Reused, so that a busy route allocates
  // nothing here.
  struct Post {
    std::vector<LeaseNews> lease;
    std::vector<connectors::DeliveryReport> reports;
    std::vector<AnswerWithFigures> answers;
    enum class Sink { kSame, kChanged } sink = Sink::kSame;
    std::optional<SteadyTime> drain_until;
    enum class Course { kGoesOn, kStop } course = Course::kGoesOn;
    void clear();
  };

  // OutcomeListener
  void report(std::span<const connectors::DeliveryReport> reports) override;
  void sink_changed() override;

  void answer(SourceAnswer answer, const connectors::SourceFigures& figures);
  void lease_news(LeaseNews news);
  void drain(SteadyTime deadline);
  void stop();

  // Waits until something is there or the time has come; empties `post` first.
  void take(Post& post, SteadyTime until);

 private:
  void wake(std::unique_lock<std::mutex>& lock);

  std::mutex mutex_;  // guards what follows
  std::condition_variable arrived_;
  Post post_;
  enum class Content { kNothing, kSomething } content_ = Content::kNothing;
  enum class Reader { kBusy, kWaits } reader_ = Reader::kBusy;
};

}  // namespace penstock::relay
