// Topics of a real broker, for tests. Each call waits until the broker has done it, and throws
// std::runtime_error with the broker's words when that fails.
#pragma once

#include <map>
#include <string>

namespace penstock::tests {

void create_topic(const std::string& brokers, const std::string& topic, int partitions,
                  const std::map<std::string, std::string>& configs = {});
void delete_topic(const std::string& brokers, const std::string& topic);

}  // namespace penstock::tests
