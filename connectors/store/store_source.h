// The event store as a source: a page of the log is a batch, a checkpoint is what settling means.
#pragma once

#include <memory>
#include <string>

#include "connectors/source.h"
#include "store/checkpoints.h"
#include "store/event_log.h"

namespace penstock::connectors {

struct StoreSourceSettings {
  std::string route;          // whose checkpoint
  std::string renamed_from;   // carries the checkpoint of that route over, if only it exists
  store::LogFilter filter;
  // For a checkpoint that doesn't exist yet: events after this position; nullopt = after the head.
  std::optional<Position> start_after = Position{0};
};

// `log` and `checkpoints` outlive the source. Asserts that positions are contiguous.
std::unique_ptr<Source> make_store_source(StoreSourceSettings settings, store::EventLog& log,
                                          store::Checkpoints& checkpoints);

}  // namespace penstock::connectors
