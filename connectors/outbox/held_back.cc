#include "connectors/outbox/held_back.h"

namespace penstock::outbox {

std::string name_of(const connectors::Blocker& blocker) {
  const std::string application = blocker.application.empty() ? "" : " (" + blocker.application + ")";
  if (blocker.pid == 0) return "a prepared transaction" + application;
  return "the transaction of pid " + std::to_string(blocker.pid) + application;
}

const HeldBack::Words HeldBack::kEarlierRows{"outbox", codes::kOutboxHeldBack, "may still commit earlier rows"};
const HeldBack::Words HeldBack::kLockedRows{"outbox", codes::kOutboxHeldBack,
                                            "holds a lock on rows that are delivered and can't be settled meanwhile"};

void HeldBack::saw(std::optional<connectors::Blocker> blocker, SteadyTime now) {
  if (blocker && !by_) {
    since_ = now;
    log_.warn(words_.component,
              Error(words_.code, name_of(*blocker) + " has been open for " + std::to_string(blocker->age.count()) +
                                     " s and " + std::string(words_.why)),
              {{"source", source_name_}});
  } else if (!blocker && by_) {
    const auto waited = std::chrono::duration_cast<std::chrono::seconds>(now - since_);
    log_.info(words_.component, "no transaction holds the source back any more",
              {{"source", source_name_}, {"seconds", std::to_string(waited.count())}});
  }
  by_ = std::move(blocker);
}

}  // namespace penstock::outbox
