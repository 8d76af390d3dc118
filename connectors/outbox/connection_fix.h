// What an operator does about a server that takes no session, by what it says. Pure.
#pragma once

#include <string>

#include "core/error.h"
#include "core/secret.h"

namespace penstock::outbox {

// `error`: of Session::open(). Where the words tell nothing better, the command that tries the same by hand.
std::string connection_fix(const Error& error, const Secret& url);

// For the error of a session that a running source opens: with what to do behind it, where the server refused the role
// and its words tell why. The hint of its code speaks of rights.
Error with_connection_fix(Error error, const Secret& url);

}  // namespace penstock::outbox
