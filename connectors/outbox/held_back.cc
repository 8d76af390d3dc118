#include "connectors/outbox/held_back.h"

#include <algorithm>

namespace penstock::outbox {

using connectors::Blocker;

namespace {

std::string open_words(const Blocker& blocker) {
  const std::string seconds = std::to_string(blocker.age.count()) + " s";
  if (blocker.age_is == Blocker::Age::kKnown) return " has been open for " + seconds + " and ";
  return (blocker.age.count() == 0 ? " is open" : " has been open for at least " + seconds) +
         " (GRANT pg_read_all_stats TO the source's role shows since when) and ";
}

}  // namespace

std::string name_of(const Blocker& blocker) {
  const std::string application = blocker.application.empty() ? "" : " (" + blocker.application + ")";
  if (blocker.pid == 0) return "a prepared transaction" + application;
  return "the transaction of pid " + std::to_string(blocker.pid) + application;
}

const HeldBack::Words HeldBack::kEarlierRows{"outbox", codes::kOutboxHeldBack, "may still commit earlier rows"};
const HeldBack::Words HeldBack::kLockedRows{"outbox", codes::kOutboxHeldBack,
                                            "holds a lock on rows that are delivered and can't be settled meanwhile"};

void HeldBack::saw(std::optional<Blocker> blocker, SteadyTime now) {
  if (blocker && blocker->age_is == Blocker::Age::kAtLeast) {
    if (!by_ || by_->pid != blocker->pid || by_->transaction != blocker->transaction) noticed_ = now;
    blocker->age = std::max(blocker->age, std::chrono::duration_cast<std::chrono::seconds>(now - noticed_));
  }
  if (blocker && !by_) {
    since_ = now;
    log_.warn(words_.component, Error(words_.code, name_of(*blocker) + open_words(*blocker) + std::string(words_.why)),
              {{"source", source_name_}});
  } else if (!blocker && by_) {
    const auto waited = std::chrono::duration_cast<std::chrono::seconds>(now - since_);
    log_.info(words_.component, "no transaction holds the source back any more",
              {{"source", source_name_}, {"seconds", std::to_string(waited.count())}});
  }
  by_ = std::move(blocker);
}

}  // namespace penstock::outbox
