#include "tests/support/captured_wal.h"

#include <fstream>
#include <iterator>
#include <stdexcept>

#include "connectors/wal/wire_reader.h"

namespace penstock::tests {

std::vector<std::string> captured_wal(std::string_view name) {
  const std::string path = std::string(PENSTOCK_WAL_CORPUS) + "/" + std::string(name);
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + path);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  std::vector<std::string> messages;
  for (wal::WireReader reader(bytes); !reader.at_end();) messages.emplace_back(reader.bytes(reader.uint32()));
  return messages;
}

}  // namespace penstock::tests
