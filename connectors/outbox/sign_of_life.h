// Tells a server that works long on a statement from a server that answers nobody any more: while the statement
// runs, a session of its own is asked for.
#pragma once

#include <span>
#include <stop_token>
#include <vector>

#include "store/postgres/session.h"

namespace penstock::outbox {

// As Session::run_pipeline(), for statements that may take long. A server that has not answered after some seconds is
// asked for a new session, with `ask`, again and again; when that gets no answer either, the call ends with
// core.timeout and the session is closed, as at its deadline. So silence ends it within 15 s, whatever the deadline is.
//
// One that refuses the new session, for whatever reason, lives. A link that is cut is noticed by `session` itself.
Result<std::vector<store::postgres::Rows>> run_while_alive(store::postgres::Session& session,
                                                           const store::postgres::SessionSettings& ask,
                                                           std::span<const store::postgres::Call> calls,
                                                           Deadline deadline, const std::stop_token& stop);

}  // namespace penstock::outbox
