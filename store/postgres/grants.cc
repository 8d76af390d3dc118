#include "store/postgres/grants.h"

namespace penstock::store::postgres {
namespace {

// One row: role, database, what may be made, and what of the tables may be used.
constexpr std::string_view kRights =
    "SELECT pg_catalog.quote_ident(current_user), pg_catalog.quote_ident(pg_catalog.current_database()),"
    " pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE'), n.oid IS NOT NULL,"
    " coalesce(pg_catalog.has_schema_privilege(n.oid, 'USAGE'), false),"
    " coalesce(pg_catalog.has_schema_privilege(n.oid, 'CREATE'), false),"
    " (SELECT count(*) FROM pg_catalog.pg_class c WHERE c.relnamespace = n.oid AND c.relkind IN ('r', 'p')),"
    " (SELECT count(*) FROM pg_catalog.pg_class c WHERE c.relnamespace = n.oid AND c.relkind IN ('r', 'p')"
    "  AND NOT (pg_catalog.has_table_privilege(c.oid, 'SELECT') AND pg_catalog.has_table_privilege(c.oid, 'INSERT')"
    "  AND pg_catalog.has_table_privilege(c.oid, 'UPDATE') AND pg_catalog.has_table_privilege(c.oid, 'DELETE'))),"
    " (SELECT count(*) FROM pg_catalog.pg_class c WHERE c.relnamespace = n.oid AND "
    // No plan may ask for the rights on a sequence of what is none.
    "  CASE WHEN c.relkind = 'S' THEN NOT pg_catalog.has_sequence_privilege(c.oid, 'USAGE') ELSE false END)"
    " FROM (SELECT 1) one LEFT JOIN pg_catalog.pg_namespace n ON n.nspname = ";

}  // namespace

Result<std::vector<std::string>> missing_grants(const Secret& url, const std::string& schema, Deadline deadline) {
  SessionSettings settings;
  settings.url = url;
  settings.application_name = "penstock validate";
  auto session = Session::open(settings, deadline);
  if (!session) return fail(std::move(session.error()));
  const auto rights = (*session)->execute(std::string(kRights) + quote_literal(schema), deadline);
  if (!rights) return fail(rights.error());

  const std::string name = quote_identifier(schema), role(rights->bytes(0, 0));
  const bool may_use = rights->boolean(0, 4), may_create = rights->boolean(0, 5);
  std::vector<std::string> statements;
  const auto grant = [&](const std::string& what) { statements.push_back("GRANT " + what + " TO " + role + ";"); };
  if (const bool is_there = rights->boolean(0, 3); !is_there) {
    if (!rights->boolean(0, 2)) statements.push_back("CREATE SCHEMA " + name + " AUTHORIZATION " + role + ";");
  } else if (rights->integer(0, 6) == 0) {
    if (!may_use || !may_create) grant("USAGE, CREATE ON SCHEMA " + name);
  } else {
    if (!may_use) grant("USAGE ON SCHEMA " + name);
    if (rights->integer(0, 7) > 0) grant("SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA " + name);
    if (rights->integer(0, 8) > 0) grant("USAGE ON ALL SEQUENCES IN SCHEMA " + name);
  }
  return statements;
}

}  // namespace penstock::store::postgres
