// How each session of a wal source is opened.
#pragma once

#include <memory>
#include <stop_token>
#include <string>

#include "connectors/wal/wal_settings.h"
#include "store/postgres/session.h"

namespace penstock::wal {

// `application_name` is what the server's operator sees of it.
store::postgres::SessionSettings session_settings_of(const WalSettings& settings, std::string application_name);

// The same, to a walsender.
store::postgres::SessionSettings for_replication(store::postgres::SessionSettings settings);

// A session to a walsender of the server that `server` was learnt of: what was judged there holds nowhere else, and a
// `url` with several hosts, or whose address moves, may lead to another one a moment later. wal.unavailable then.
Result<std::unique_ptr<store::postgres::Session>> open_beside(const store::postgres::ServerFacts& server,
                                                              const store::postgres::SessionSettings& settings,
                                                              Deadline deadline, std::stop_token stop);

}  // namespace penstock::wal
