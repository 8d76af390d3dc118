// What an operator types to reach the database of a URL.
#include <libpq-fe.h>

#include <algorithm>
#include <memory>
#include <string_view>

#include "store/postgres/session.h"

namespace penstock::store::postgres {
namespace {

struct FreeOptions {
  void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};
using Options = std::unique_ptr<PQconninfoOption, FreeOptions>;

Options parse(const Secret& url) {
  char* words = nullptr;
  Options options(PQconninfoParse(url.reveal().c_str(), &words));
  if (words != nullptr) PQfreemem(words);
  return options;
}

std::string value_of(const Options& options, std::string_view keyword) {
  for (const PQconninfoOption* option = options.get(); option != nullptr && option->keyword != nullptr; ++option)
    if (keyword == option->keyword && option->val != nullptr) return option->val;
  return {};
}

// "…//user:1/2@host/db": to libpq, user is a host and 1 its port.
bool has_at_behind_slash(std::string_view url) {
  const std::string_view rest = url.substr(url.find("://") + 3);
  const std::string_view before_parameters = rest.substr(0, rest.find('?'));
  const auto slash = before_parameters.find('/');
  return slash != std::string_view::npos && before_parameters.find('@', slash) != std::string_view::npos;
}

std::string quoted_for_shell(const std::string& text) {
  const auto is_plain = [](unsigned char c) { return std::isalnum(c) != 0 || c == '.' || c == '_' || c == '-'; };
  if (!text.empty() && std::ranges::all_of(text, is_plain)) return text;
  std::string quoted = "'";
  for (const char c : text) c == '\'' ? quoted += "'\\''" : quoted += c;
  return quoted + "'";
}

std::string with_server(std::string tool, const Options& options) {
  constexpr std::pair<std::string_view, std::string_view> kFlags[] = {{"host", "-h"}, {"port", "-p"}, {"user", "-U"}};
  for (const auto& [keyword, flag] : kFlags)
    if (const std::string value = value_of(options, keyword); !value.empty())
      tool.append(" ").append(flag).append(" ").append(quoted_for_shell(value));
  return tool;
}

}  // namespace

bool is_connection_text(const Secret& url) {
  const Options options = parse(url);
  if (options == nullptr) return false;
  // What a password with a bare @, : or / leaves there is a piece of it, and libpq would say it aloud.
  const bool is_url = url.reveal().starts_with("postgresql://") || url.reveal().starts_with("postgres://");
  return value_of(options, "host").find('@') == std::string::npos && !(is_url && has_at_behind_slash(url.reveal())) &&
         value_of(options, "port").find_first_not_of("0123456789,") == std::string::npos;
}

std::string psql_command(const Secret& url) {
  const Options options = parse(url);
  const std::string database = value_of(options, "dbname");
  return with_server("psql", options) + (database.empty() ? "" : " -d " + quoted_for_shell(database));
}

std::string createdb_command(const Secret& url) {
  const Options options = parse(url);
  const std::string database = value_of(options, "dbname");
  return with_server("createdb", options) + (database.empty() ? "" : " " + quoted_for_shell(database));
}

}  // namespace penstock::store::postgres
