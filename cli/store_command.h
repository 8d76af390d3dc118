// Opening the store of the configuration for one command.
#pragma once

#include <memory>
#include <optional>

#include "cli/invocation.h"
#include "config/settings.h"
#include "core/clock.h"
#include "store/store.h"

namespace penstock::cli {

// A writer brings the schema up to date; a reader does so only with SQLite, where the file is ours, and never makes
// one.
enum class StoreUse { kRead, kWrite };

// The store and what it needs, in the order of their making.
struct OpenStore {
  std::unique_ptr<Log> log;
  std::unique_ptr<store::Store> store;
  config::Settings settings;
};

// Says what is wrong and sets the exit code when there is no configuration or no store.
std::optional<OpenStore> open_store(Invocation& invocation, StoreUse use);

}  // namespace penstock::cli
