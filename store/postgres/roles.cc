#include "store/postgres/roles.h"

#include "store/postgres/runtime_rights.h"
#include "store/postgres/session.h"

namespace penstock::store::postgres {
namespace {

constexpr std::string_view kRolesSql =
    R"(-- Roles of the store in schema @schema@. Run as superuser, or as its owner who is a member of all four
-- roles and may CREATE in the database, and again after each migration; then grant a role to those who log in:
--   GRANT @runtime@ TO <user of [store] url>;
DO $roles$
DECLARE
  wanted text;
BEGIN
  FOREACH wanted IN ARRAY ARRAY[@owner_text@, @runtime_text@, @appender_text@, @reader_text@] LOOP
    BEGIN
      IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.rolname = wanted) THEN
        EXECUTE pg_catalog.format('CREATE ROLE %I NOLOGIN', wanted);
      END IF;
    EXCEPTION WHEN duplicate_object OR unique_violation THEN
      NULL;  -- somebody else has just made it
    END;
  END LOOP;
END
$roles$;

-- The owner: migrations, and functions that may do more than their callers. The schema first: who is to own
-- something in it has to have the right to create there.
ALTER SCHEMA @schema@ OWNER TO @owner@;
DO $owner$
DECLARE
  statement text;
BEGIN
  FOR statement IN
    SELECT pg_catalog.format('ALTER TABLE %s OWNER TO %I', c.oid::pg_catalog.regclass, @owner_text@)
    FROM pg_catalog.pg_class c
    WHERE c.relnamespace = @schema_text@::pg_catalog.regnamespace AND c.relkind IN ('r', 'p', 'v')
    UNION ALL
    SELECT pg_catalog.format('ALTER TYPE %s OWNER TO %I', c.reltype::pg_catalog.regtype, @owner_text@)
    FROM pg_catalog.pg_class c
    WHERE c.relnamespace = @schema_text@::pg_catalog.regnamespace AND c.relkind = 'c'
    UNION ALL
    SELECT pg_catalog.format('ALTER FUNCTION %s OWNER TO %I', p.oid::pg_catalog.regprocedure, @owner_text@)
    FROM pg_catalog.pg_proc p WHERE p.pronamespace = @schema_text@::pg_catalog.regnamespace
  LOOP
    EXECUTE statement;
  END LOOP;
END
$owner$;

REVOKE ALL ON SCHEMA @schema@ FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA @schema@ FROM PUBLIC, @runtime@, @appender@, @reader@;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA @schema@ FROM PUBLIC, @runtime@, @appender@, @reader@;
GRANT USAGE ON SCHEMA @schema@ TO @runtime@, @appender@, @reader@;

-- The program. Nobody may change or delete events: they become stubs by a function of the owner.
GRANT SELECT ON ALL TABLES IN SCHEMA @schema@ TO @runtime@;
GRANT SELECT ON SEQUENCE @schema@.inbox_ins_seq TO @runtime@;  -- for `penstock store check`
@runtime_grants@GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA @schema@ TO @runtime@;

-- Services that append by SQL: the functions only, which run as their owner.
DO $appender$
DECLARE
  statement text;
BEGIN
  FOR statement IN
    SELECT pg_catalog.format('GRANT EXECUTE ON FUNCTION %s TO %I', p.oid::pg_catalog.regprocedure, @appender_text@)
    FROM pg_catalog.pg_proc p
    WHERE p.pronamespace = @schema_text@::pg_catalog.regnamespace AND p.proname IN ('append', 'append_many')
  LOOP
    EXECUTE statement;
  END LOOP;
END
$appender$;

-- Reading, and counting what was not counted yet.
GRANT SELECT ON ALL TABLES IN SCHEMA @schema@ TO @reader@;
GRANT EXECUTE ON FUNCTION @schema@.count_kinds(bigint) TO @reader@;
)";

void replace_all(std::string& text, std::string_view word, std::string_view by) {
  for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at + by.size()))
    text.replace(at, word.size(), by);
}

}  // namespace

std::string roles_sql(const Schema& schema) {
  std::string sql(kRolesSql), grants;
  for (const auto& [rights, tables] : kRuntimeRights)
    grants += "GRANT " + std::string(rights) + " ON " + on_tables(schema, tables) + " TO @runtime@;\n";
  replace_all(sql, "@runtime_grants@", grants);
  for (const std::string role : {"owner", "runtime", "appender", "reader"}) {
    const std::string name = schema.name() + "_" + role;
    replace_all(sql, "@" + role + "@", quote_identifier(name));
    replace_all(sql, "@" + role + "_text@", quote_literal(name));
  }
  // regnamespace reads a name as SQL does.
  replace_all(sql, "@schema_text@", quote_literal(quote_identifier(schema.name())));
  return schema.expand(sql);
}

}  // namespace penstock::store::postgres
