// The write-ahead log of a Postgres database as a source: rows of an outbox table, or messages, in the
// order of their commits, read through a replication slot.
#pragma once

#include <memory>

#include "connectors/kind.h"
#include "connectors/wal/wal_settings.h"

namespace penstock::wal {

// `checkpoints`, `gaps` and `surroundings` outlive the source.
std::unique_ptr<connectors::Source> make_wal_source(const WalSettings& settings, SourceCheckpoints& checkpoints,
                                                    SourceGaps& gaps, const connectors::Surroundings& surroundings);

// What `penstock validate` finds about the database; read-only.
std::vector<connectors::Finding> inspect_wal(const WalSettings& settings, Deadline deadline);

// What the program is told about this connector.
const connectors::SourceKind& source_kind();

}  // namespace penstock::wal
