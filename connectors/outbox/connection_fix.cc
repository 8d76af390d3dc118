#include "connectors/outbox/connection_fix.h"

#include <optional>
#include <string_view>

#include "connectors/outbox/table_name.h"
#include "store/postgres/session.h"

namespace penstock::outbox {
namespace {

// Of `role "penstock" does not exist`; empty where the server speaks another language.
std::string role_in(std::string_view words) {
  constexpr std::string_view kRole = "role \"";
  const auto begin = words.find(kRole);
  if (begin == std::string_view::npos) return {};
  const std::string_view rest = words.substr(begin + kRole.size());
  return std::string(rest.substr(0, rest.find('"')));
}

// nullopt where the words tell nothing.
std::optional<std::string> fix_by_words(const Error& error, const Secret& url) {
  const std::string& words = error.message();
  const auto says = [&](std::string_view some) { return words.find(some) != std::string::npos; };
  const std::string role = quoted_identifier(role_in(words));
  if (&error.code() == &codes::kOutboxDatabaseMissing) return store::postgres::createdb_command(url);
  if (says("through a pooler")) return "Name the server itself in `url`, with its own port.";
  if (says("no pg_hba.conf entry"))
    return "Add a line for this role, database and host to pg_hba.conf, then SELECT pg_reload_conf();";
  if (says("SSL") || says("certificate"))
    return "Make sslmode and sslrootcert in `url` fit the server: SHOW ssl; SHOW ssl_cert_file;";
  if (says("does not exist (28")) return "CREATE ROLE " + role + " LOGIN; or correct the user in `url`";
  if (says("is not permitted to log in")) return "ALTER ROLE " + role + " LOGIN;";
  if (says("(28P01)") || says("no password supplied"))
    return "Correct user and password in `url`; to try them: " + store::postgres::psql_command(url);
  return std::nullopt;
}

}  // namespace

std::string connection_fix(const Error& error, const Secret& url) {
  return fix_by_words(error, url).value_or(store::postgres::psql_command(url));
}

Error with_connection_fix(Error error, const Secret& url) {
  if (error.kind() != ErrorKind::kUnauthorized) return error;
  const auto fix = fix_by_words(error, url);
  return fix ? Error(error.code(), error.message() + ": " + *fix) : error;
}

}  // namespace penstock::outbox
