// A table of another service as a source: polled, in the order of a number; what becomes of settled rows
// is a policy.
#pragma once

#include <memory>
#include <span>

#include "connectors/kind.h"
#include "connectors/outbox/outbox_settings.h"
#include "connectors/outbox/outbox_table.h"
#include "connectors/outbox/source_sessions.h"

namespace penstock::outbox {

// The sessions that a program's sources share; `sources` are all of this kind.
std::unique_ptr<SourceSessions> make_source_sessions(std::span<const connectors::Section* const> sources);

// As SourceKind::make, with `sessions` as below.
Result<std::unique_ptr<connectors::Source>> make_outbox_source(const connectors::Section& section,
                                                               const connectors::SourceRoute& route,
                                                               const connectors::Surroundings& surroundings,
                                                               SourceSessions* sessions);

// All that is handed in outlives the source. Only policy "cursor" has a checkpoint, and gap records. Without `sessions`
// it shares none with other sources.
std::unique_ptr<connectors::Source> make_outbox_source(const OutboxSettings& settings, SourceCheckpoints& checkpoints,
                                                       SourceGaps& gaps, const connectors::Surroundings& surroundings,
                                                       SourceSessions* sessions = nullptr);

// Over a given table; for tests.
std::unique_ptr<connectors::Source> make_outbox_source(const OutboxSettings& settings,
                                                       std::unique_ptr<OutboxTable> table,
                                                       SourceCheckpoints& checkpoints, SourceGaps& gaps,
                                                       const connectors::Surroundings& surroundings);

// What the program is told about this connector.
const connectors::SourceKind& source_kind();

}  // namespace penstock::outbox
