#include "store/postgres/grants.h"

#include "store/postgres/runtime_rights.h"
#include "store/postgres/schema.h"

namespace penstock::store::postgres {
namespace {

// One row: role, what may be made, and what of the schema may be used.
constexpr std::string_view kRights =
    "SELECT pg_catalog.quote_ident(current_user),"
    " pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE'), n.oid IS NOT NULL,"
    " coalesce(pg_catalog.has_schema_privilege(n.oid, 'USAGE'), false),"
    " coalesce(pg_catalog.has_schema_privilege(n.oid, 'CREATE'), false),"
    " (SELECT count(*) FROM pg_catalog.pg_class c WHERE c.relnamespace = n.oid AND c.relkind IN ('r', 'p')),"
    " EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.relnamespace = n.oid AND c.relkind IN ('r', 'p', 'v')"
    "  AND NOT pg_catalog.has_table_privilege(c.oid, 'SELECT')),"
    " EXISTS (SELECT FROM pg_catalog.pg_proc p WHERE p.pronamespace = n.oid"
    "  AND NOT pg_catalog.has_function_privilege(p.oid, 'EXECUTE'))"
    " FROM (SELECT 1) one LEFT JOIN pg_catalog.pg_namespace n ON n.nspname = @schema_text@";

// Whether one of these rights on one of these tables is missing. has_table_privilege takes several
// rights for one of them.
std::string missing_sql(const Schema& schema, const RuntimeRights& wanted) {
  const auto list = [](std::string_view words) {
    return "pg_catalog.string_to_array(" + quote_literal(std::string(words)) + ", ', ')";
  };
  return schema.expand(
      "SELECT EXISTS (SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace,"
      " pg_catalog.unnest(" +
      list(wanted.rights) + ") r(wanted) WHERE n.nspname = @schema_text@ AND c.relname = ANY (" + list(wanted.tables) +
      ") AND NOT pg_catalog.has_table_privilege(c.oid, r.wanted))");
}

}  // namespace

Result<std::vector<std::string>> missing_grants(const Secret& url, const std::string& schema_name, Deadline deadline) {
  const auto schema = Schema::named(schema_name);
  if (!schema) return fail(schema.error());
  SessionSettings settings;
  settings.url = url;
  settings.application_name = "penstock validate";
  auto session = Session::open(settings, deadline);
  if (!session) return fail(std::move(session.error()));
  const auto rights = (*session)->execute(schema->expand(kRights), deadline);
  if (!rights) return fail(rights.error());

  const std::string name = quote_identifier(schema_name), role(rights->bytes(0, 0));
  const bool may_make_schemas = rights->boolean(0, 1), is_there = rights->boolean(0, 2),
             may_use = rights->boolean(0, 3), may_create = rights->boolean(0, 4),
             has_tables = rights->integer(0, 5) > 0;
  std::vector<std::string> statements;
  const auto grant = [&](const std::string& what) { statements.push_back("GRANT " + what + " TO " + role + ";"); };
  if (!is_there) {
    if (!may_make_schemas) statements.push_back("CREATE SCHEMA " + name + " AUTHORIZATION " + role + ";");
    return statements;
  }
  if (!has_tables) {
    if (!may_use || !may_create) grant("USAGE, CREATE ON SCHEMA " + name);
    return statements;
  }
  if (!may_use) grant("USAGE ON SCHEMA " + name);
  if (rights->boolean(0, 6)) grant("SELECT ON ALL TABLES IN SCHEMA " + name);
  if (rights->boolean(0, 7)) grant("EXECUTE ON ALL FUNCTIONS IN SCHEMA " + name);
  for (const RuntimeRights& wanted : kRuntimeRights) {
    const auto missing = (*session)->execute(missing_sql(*schema, wanted), deadline);
    if (!missing) return fail(missing.error());
    if (missing->boolean(0, 0)) grant(std::string(wanted.rights) + " ON " + on_tables(*schema, wanted.tables));
  }
  return statements;
}

}  // namespace penstock::store::postgres
