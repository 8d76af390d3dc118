// { env = "NAME" } and { file = "path" } in the place of a string: looked up at start. What
// they yield is never shown.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "core/secret.h"

namespace penstock::config {

using Environment = std::map<std::string, std::string, std::less<>>;

class References {
 public:
  // Keeps a copy: a reference sees the environment as it was at start.
  explicit References(Environment environment) : environment_(std::move(environment)) {}

  // The error is a sentence without the value: "environment variable X is not set".
  using Resolved = tl::expected<std::string, std::string>;
  Resolved from_environment(std::string_view name);
  // The file's content without its last line break; at most 64 KiB. Relative to the working folder.
  static Resolved from_file(const std::string& path);

  // Of a text that was read there: one that can be read again. What is no plain file, a pipe for instance, gives it
  // once.
  static Secret kept_secret(std::string text, const std::string& path);

  // Names that were asked for: they are known variables of this configuration.
  bool was_used(std::string_view name) const { return used_.contains(name); }
  const Environment& environment() const { return environment_; }

 private:
  Environment environment_;
  std::set<std::string, std::less<>> used_;
};

}  // namespace penstock::config
