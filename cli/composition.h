// The composition root: from settings to a store and routes, the only place that knows every room.
#pragma once

#include <memory>
#include <vector>

#include "config/settings.h"
#include "connectors/kind.h"
#include "core/log.h"
#include "relay/supervisor.h"
#include "store/store.h"
#include "store/transfer.h"

namespace penstock::cli {

// Whether a store can be made of this; config.invalid says what would do.
Status check_store_url(const Secret& url);

// Connects to nothing yet. `instance` is unique per process; `log` outlives the store. Error:
// config.invalid for a url of no known backend.
Result<std::unique_ptr<store::Store>> make_store(
    const config::Settings& settings, const std::string& instance, Log& log,
    store::StoreSettings::Inbox inbox = store::StoreSettings::Inbox::kSweptByAppends);

// For export and import, of the same store. Connects to nothing yet.
Result<std::unique_ptr<store::Transfer>> make_transfer(const config::Settings& settings, const std::string& instance);

store::AppendLimits limits_of(const config::Limits& limits);

// One plan a route. `settings`, `store` and `surroundings` outlive what is made of the plans.
std::vector<relay::RoutePlan> make_route_plans(const config::Settings& settings, store::Store& store,
                                               const connectors::Surroundings& surroundings);

// Templates of a route to a sink, as its kind reads them.
connectors::RouteTemplates templates_of(const config::Settings& settings, const config::Route& route);

// "hostname-pid-random": unique per process.
std::string make_instance_name(Random& random);

}  // namespace penstock::cli
