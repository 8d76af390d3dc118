#include "config/references.h"

#include <filesystem>

#include "config/file_text.h"

namespace penstock::config {
namespace {

constexpr std::size_t kLongestValue = 64 << 10;

References::Resolved checked(std::string value, const std::string& what) {
  if (value.empty()) return tl::unexpected(what + " is empty");
  if (value.find('\0') != std::string::npos) return tl::unexpected(what + " holds a NUL byte");
  return value;
}

}  // namespace

References::Resolved References::from_environment(std::string_view name) {
  used_.emplace(name);
  const std::string what = "environment variable " + std::string(name);
  const auto found = environment_.find(name);
  if (found == environment_.end()) return tl::unexpected(what + " is not set");
  return checked(found->second, what);
}

References::Resolved References::from_file(const std::string& path) {
  auto text = read_file_text(path, kLongestValue);
  if (!text) return tl::unexpected("file " + path + " can't be read: " + text.error());
  if (text->ends_with('\n')) text->pop_back();
  if (text->ends_with('\r')) text->pop_back();
  return checked(std::move(*text), "file " + path);
}

Secret References::kept_secret(std::string text, const std::string& path) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) return Secret(std::move(text));
  return Secret(std::move(text), [path] { return from_file(path); });
}

}  // namespace penstock::config
