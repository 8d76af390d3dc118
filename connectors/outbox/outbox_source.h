// A table of another service as a source: polled, in the order of a number; what becomes of settled rows
// is a policy.
#pragma once

#include <memory>

#include "connectors/kind.h"
#include "connectors/outbox/outbox_settings.h"
#include "connectors/outbox/outbox_table.h"

namespace penstock::outbox {

// `checkpoints` and `surroundings` outlive the source. Only policy "cursor" has a checkpoint.
std::unique_ptr<connectors::Source> make_outbox_source(const OutboxSettings& settings, SourceCheckpoints& checkpoints,
                                                       const connectors::Surroundings& surroundings);

// Over a given table; for tests.
std::unique_ptr<connectors::Source> make_outbox_source(const OutboxSettings& settings,
                                                       std::unique_ptr<OutboxTable> table,
                                                       SourceCheckpoints& checkpoints,
                                                       const connectors::Surroundings& surroundings);

// What the program is told about this connector.
const connectors::SourceKind& source_kind();

}  // namespace penstock::outbox
