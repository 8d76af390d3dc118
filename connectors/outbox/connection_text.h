// What is wrong with a URL that libpq can't read. Pure, and quotes nothing that may be a piece of a password.
#pragma once

#include <string>

#include "core/secret.h"

namespace penstock::outbox {

// Names an option that libpq doesn't know, where there is one; else says what is expected.
std::string words_of_connection_text(const Secret& url);

}  // namespace penstock::outbox
