// `penstock validate` for a Kafka sink: are the brokers there, the topics, their limits? Read-only.
#pragma once

#include <span>
#include <vector>

#include "connectors/kind.h"

namespace penstock::kafka {

std::vector<connectors::Finding> inspect(const Section& sink, std::span<const connectors::RouteTemplates> routes,
                                         std::size_t event_bytes, Deadline deadline);

}  // namespace penstock::kafka
