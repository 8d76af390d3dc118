#include "cli/store_command.h"

#include "cli/composition.h"
#include "cli/configuration.h"
#include "cli/spdlog_log.h"

namespace penstock::cli {
namespace {

const Clock& system_clock() {
  static const SystemClock kClock;
  return kClock;
}

}  // namespace

std::optional<OpenStore> open_store(Invocation& invocation, StoreUse use) {
  auto settings = load_settings_of_store(invocation);
  if (!settings) return std::nullopt;
  OpenStore opened;
  opened.settings = std::move(*settings);
  // A command talks in its own words; the store's lines matter when they are warnings.
  LogOutput output;
  output.table.level = LogLevel::kWarn;
  opened.log = std::make_unique<SpdlogLog>(system_clock(), output);
  SystemRandom random;
  auto store = make_store(opened.settings, make_instance_name(random), *opened.log);
  if (!store) {
    invocation.fail(store.error());
    return std::nullopt;
  }
  opened.store = std::move(*store);
  if (use == StoreUse::kWrite || opened.store->backend() == "sqlite") {
    if (const Status migrated = opened.store->migrate(); !migrated) {
      invocation.fail(migrated.error());
      return std::nullopt;
    }
  }
  return opened;
}

}  // namespace penstock::cli
