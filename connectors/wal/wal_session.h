// How each session of a wal source is opened.
#pragma once

#include <string>

#include "connectors/wal/wal_settings.h"
#include "store/postgres/session.h"

namespace penstock::wal {

// `application_name` is what the server's operator sees of it.
store::postgres::SessionSettings session_settings_of(const WalSettings& settings, std::string application_name);

// The same, to a walsender.
store::postgres::SessionSettings for_replication(store::postgres::SessionSettings settings);

}  // namespace penstock::wal
