#include "core/secret.h"

#include <openssl/crypto.h>

#include <ostream>
#include <regex>

namespace penstock {

Secret::~Secret() { OPENSSL_cleanse(text_.data(), text_.size()); }

std::ostream& operator<<(std::ostream& out, const Secret&) { return out << "***"; }

std::string without_password(std::string_view url) {
  static const std::regex kInUserInfo(R"((://[^/?#@:]*):[^/?#]*@)");
  static const std::regex kAsKeyword(R"((password\s*=\s*)('(?:[^'\\]|\\.)*'|[^\s&]*))", std::regex::icase);
  std::string text = std::regex_replace(std::string(url), kInUserInfo, "$1:***@");
  return std::regex_replace(text, kAsKeyword, "$1***");
}

}  // namespace penstock
