#include "connectors/outbox/connection_text.h"

#include <libpq-fe.h>

#include <algorithm>
#include <memory>
#include <string_view>

namespace penstock::outbox {
namespace {

bool is_known(std::string_view option) {
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> known(PQconndefaults(), PQconninfoFree);
  for (const PQconninfoOption* one = known.get(); one != nullptr && one->keyword != nullptr; ++one)
    if (option == one->keyword) return true;
  return option == "ssl";  // for those who come from JDBC
}

bool is_word(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

// Empty where there is none, and where what looks like one may belong to a password with a bare ? in it.
std::string_view unknown_option(std::string_view url) {
  const auto query = url.find('?');
  if (query == std::string_view::npos || url.find('@', query) != std::string_view::npos) return {};
  for (std::string_view rest = url.substr(query + 1); !rest.empty();) {
    const auto end = std::min(rest.find('&'), rest.size());
    const std::string_view option = rest.substr(0, end);
    const std::string_view name = option.substr(0, option.find('='));
    if (is_word(name) && name.size() < option.size() && !is_known(name)) return name;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return {};
}

}  // namespace

std::string words_of_connection_text(const Secret& url) {
  if (const auto option = unknown_option(url.reveal()); !option.empty())
    return "libpq knows no option `" + std::string(option) + "`: see its connection parameters, such as sslmode";
  return "expected postgresql://user@host/database or libpq's keywords; in a URL, / ? # @ : and % of a password are "
         "written as %2F %3F %23 %40 %3A %25";
}

}  // namespace penstock::outbox
