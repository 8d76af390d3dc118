// A table of another service as a source: polled, in the order of a number, deleted from when settled.
#pragma once

#include <memory>

#include "connectors/kind.h"
#include "connectors/outbox/outbox_settings.h"
#include "connectors/outbox/outbox_table.h"

namespace penstock::outbox {

// `surroundings` outlives the source.
std::unique_ptr<connectors::Source> make_outbox_source(const OutboxSettings& settings,
                                                       const connectors::Surroundings& surroundings);

// Over a given table; for tests.
std::unique_ptr<connectors::Source> make_outbox_source(const OutboxSettings& settings,
                                                       std::unique_ptr<OutboxTable> table, const Clock& clock);

// What the program is told about this connector.
const connectors::SourceKind& source_kind();

}  // namespace penstock::outbox
