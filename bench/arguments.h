// `--name value` pairs of a bench command; whatever follows `--` is another command.
#pragma once

#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace penstock::bench {

class Arguments {
 public:
  // Throws std::invalid_argument when the line is not made of pairs.
  Arguments(int count, char** words) {
    int i = 0;
    for (; i < count && std::string(words[i]) != "--"; i += 2) {
      const std::string name = words[i];
      if (!name.starts_with("--") || i + 1 >= count) throw std::invalid_argument("expected --name value, not " + name);
      values_[name.substr(2)] = words[i + 1];
    }
    for (++i; i < count; ++i) command_.emplace_back(words[i]);
  }

  bool has(const std::string& name) const { return values_.contains(name); }
  std::string text(const std::string& name) const {
    const auto found = values_.find(name);
    if (found == values_.end()) throw std::invalid_argument("--" + name + " is missing");
    return found->second;
  }
  std::int64_t number(const std::string& name) const { return std::stoll(text(name)); }
  std::int64_t number(const std::string& name, std::int64_t otherwise) const {
    return has(name) ? number(name) : otherwise;
  }
  const std::vector<std::string>& command() const { return command_; }

 private:
  std::map<std::string, std::string> values_;
  std::vector<std::string> command_;
};

}  // namespace penstock::bench
