// The limits of the functions by which services append.
#pragma once

#include "core/log.h"
#include "store/event_store.h"
#include "store/postgres/session_opener.h"

namespace penstock::store::postgres {

// Gives the functions these limits, for every append that begins after it; says so in the log where they had
// others. Who calls it last wins.
Status set_sql_limits(SessionOpener& opener, const AppendLimits& limits, Log& log);

}  // namespace penstock::store::postgres
