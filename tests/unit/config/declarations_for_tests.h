// Connectors of a made-up kind, so that the configuration is tested without any real one.
#pragma once

#include "config/load.h"

namespace penstock::tests {

// Sources: "outbox". Sinks: "kafka" (route key `topic`), "rabbitmq" (route key `routing_key`),
// "console" (none). Templates know {key} and {category}.
const config::Declarations& declarations_for_tests();

// Loads `text` as "t.toml" with nothing in the environment.
config::Loaded load_for_test(std::string_view text, config::LoadRequest request = {});

// Every problem on a line of its own.
std::string lines_of(const config::Loaded& loaded);

}  // namespace penstock::tests
