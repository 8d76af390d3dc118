// What an operator does about a server that takes no session, by what it says. Pure.
#pragma once

#include <string>

#include "core/error.h"
#include "core/secret.h"

namespace penstock::outbox {

// `error`: of Session::open(). Where the words tell nothing better, the command that tries the same by hand.
std::string connection_fix(const Error& error, const Secret& url);

}  // namespace penstock::outbox
