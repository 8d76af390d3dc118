#include "tests/support/server_port.h"

#include <fstream>
#include <regex>
#include <sstream>
#include <stdexcept>

#include "tests/support/servers.h"

namespace penstock::tests {

std::string port_of_server(const std::string& name) {
  std::ostringstream state;
  state << std::ifstream(ServerControl::folder() + "/" + name + ".json").rdbuf();
  std::smatch found;
  const std::string text = state.str();
  if (!std::regex_search(text, found, std::regex(R"("port": (\d+))")))
    throw std::runtime_error("scripts/servers does not say the port of " + name);
  return found[1];
}

}  // namespace penstock::tests
