// Where a server listens that `scripts/servers` starts by name only.
#pragma once

#include <string>

namespace penstock::tests {

// Throws std::runtime_error when the server was not started; needs ServerControl::available().
std::string port_of_server(const std::string& name);

}  // namespace penstock::tests
