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

// Who only looks must not leave an empty store behind where a path was mistyped or the folder is the wrong one.
Status make_ready(store::Store& store, StoreUse use) {
  if (use == StoreUse::kRead) {
    if (store.backend() != "sqlite") return {};
    const auto plan = store.plan_migration();
    if (!plan) return fail(plan.error());
    if (plan->current == 0) return fail(codes::kStoreSchemaMissing, "there is no store at the path of [store] url");
  }
  return store.migrate();
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
  if (const Status ready = make_ready(*opened.store, use); !ready) {
    invocation.fail(ready.error());
    return std::nullopt;
  }
  return opened;
}

}  // namespace penstock::cli
