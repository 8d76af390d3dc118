#include "connectors/outbox/outbox_setup.h"

#include "connectors/outbox/postgres_columns.h"
#include "connectors/outbox/postgres_rights.h"
#include "connectors/outbox/postgres_statements.h"
#include "connectors/outbox/tracked_table.h"

namespace penstock::outbox {
namespace {

constexpr std::string_view kOrderColumn = "seq";
constexpr std::string_view kXidColumn = "xid";

std::string with_table(std::string_view ddl, const TableName& table) {
  constexpr std::string_view kPlace = "@table@";
  std::string text(ddl);
  for (auto at = text.find(kPlace); at != std::string::npos; at = text.find(kPlace, at + 1))
    text.replace(at, kPlace.size(), table.quoted());
  return text;
}

// Every database has the schema public.
std::string schema_for(const TableName& table) {
  if (table.schema == "public") return {};
  return "CREATE SCHEMA IF NOT EXISTS " + quoted_identifier(table.schema) + ";\n";
}

Result<Policy> policy_of(const Profile& profile, const SetupWish& wish) {
  const std::string word = wish.policy.empty() ? std::string(profile.policy) : wish.policy;
  if (word == "delete") return DeleteRows{};
  if (word == "track") return TrackRows{};
  if (word == "cursor") {
    if (wish.guard == "xid") return KeepRows{KeepRows::Guard::kXid, std::string(kXidColumn)};
    if (wish.guard == "writers") return KeepRows{};
    return fail(codes::kConfigInvalid, "`" + wish.guard + "` is no guard: expected writers or xid");
  }
  if (word != "mark")
    return fail(codes::kConfigInvalid, "`" + word + "` is no policy: expected delete, mark, cursor or track");
  if (profile.mark_column.empty())
    return fail(codes::kConfigInvalid,
                "profile \"" + std::string(profile.name) +
                    "\" has no column that says that a row is settled: use delete, cursor or track");
  MarkRows mark{std::string(profile.mark_column), {}};
  if (!profile.mark_value.empty()) mark.value = profile.mark_value;
  return mark;
}

// Whether the shape says so behind the column's name; what it writes, it writes a column a line.
bool is_primary_key(const Profile& profile, const std::string& column) {
  for (const std::string& name : {column, quoted_identifier(column)}) {
    const auto begin = profile.ddl.find("\n  " + name + " ");
    if (begin == std::string_view::npos) continue;
    return profile.ddl.substr(begin + 1, profile.ddl.find('\n', begin + 1) - begin).find("PRIMARY KEY") !=
           std::string_view::npos;
  }
  return false;
}

// The side table of policy "track", and the indexes that the shape itself does not bring.
std::string tracking_additions(const Profile& profile, const OutboxSettings& settings) {
  std::string text;
  if (!is_primary_key(profile, *settings.column_of(Role::kId))) text += create_id_index_statement(settings) + "\n";
  if (const std::string* order = tracked_order(settings); order != nullptr && !is_primary_key(profile, *order))
    text += create_order_index_statement(settings) + "\n";
  return text + create_settled_table_statement(settings, "") + "\n";
}

bool brings_number(const Profile& profile) {
  return !profile.order_by.empty() || profile.ddl.find("  seq ") != std::string_view::npos;
}

// The number and the index that the shape itself does not bring.
std::string additions(const Profile& profile, const OutboxSettings& settings) {
  if (std::holds_alternative<TrackRows>(settings.policy)) return tracking_additions(profile, settings);
  std::string text;
  if (!brings_number(profile))
    text = statement_that_adds_order_column(Backend::kPostgres, settings.table, "seq") + "\n";
  if (xid_column(settings.policy) != nullptr) text += statement_that_adds_xid(settings) + "\n";
  if (const auto* mark = std::get_if<MarkRows>(&settings.policy)) {
    // The server knows the type of a plain literal from the column beside it.
    const std::string unread = mark->value
                                   ? quoted_identifier(mark->column) + " IS DISTINCT FROM '" + *mark->value + "'"
                                   : quoted_identifier(mark->column) + " IS NULL";
    text += "CREATE INDEX ON " + settings.table.quoted() + " (" + quoted_identifier(settings.order_by) + ") WHERE " +
            unread + ";\n";
  }
  return text;
}

// What a table of the original shape lacks, though the one that is printed has it.
std::string columns_for_existing(const Profile& profile, const OutboxSettings& settings) {
  const bool tracks = std::holds_alternative<TrackRows>(settings.policy);
  if (tracks || !profile.order_by.empty() || !brings_number(profile)) return {};
  return statement_that_adds_order_column(Backend::kPostgres, settings.table, settings.order_by) + "\n";
}

bool brings_sequence(const Profile& profile) {
  return !brings_number(profile) || profile.ddl.find("serial") != std::string_view::npos ||
         profile.ddl.find("IDENTITY") != std::string_view::npos;
}

// A new table's sequence has the name that the server gives it.
std::string grant_on_new_sequence(const OutboxSettings& settings, const SetupWish& wish) {
  if (!looks_at_sequence(settings.policy)) return {};
  using store::postgres::quote_literal;
  return "\nDO $$ BEGIN EXECUTE format('GRANT SELECT ON SEQUENCE %s TO %I', pg_get_serial_sequence(" +
         quote_literal(settings.table.quoted()) + ", " + quote_literal(settings.order_by) + "), " +
         quote_literal(wish.role) + "); END $$;";
}

std::string source_section(const Profile& profile, const OutboxSettings& settings, const SetupWish& wish) {
  const std::string policy(to_string(settings.policy));
  std::string text = "[[source]]\nname     = \"orders\"\nkind     = \"outbox\"\nurl      = { env = \"OUTBOX_URL\" }\n";
  text += "table    = '" + settings.table.to_string() + "'\nprofile  = \"" + std::string(profile.name) + "\"\n";
  if (settings.order_by != profile.order_by) text += "order_by = \"" + settings.order_by + "\"\n";
  if (policy != profile.policy) text += "policy   = \"" + policy + "\"\n";
  if (xid_column(settings.policy) != nullptr) text += "guard    = \"" + wish.guard + "\"\nxid_column = \"xid\"\n";
  return text;
}

}  // namespace

Result<Setup> make_setup(const Profile& profile, const SetupWish& wish) {
  if (profile.ddl.empty())
    return fail(codes::kConfigInvalid, "profile \"" + std::string(profile.name) +
                                           "\" has no shape of its own: name the columns of your table in "
                                           "[source.columns], and `penstock validate` says what it lacks");
  auto table = parse_table_name(wish.table.empty() ? profile.table : std::string_view(wish.table));
  if (!table) return fail(std::move(table.error()));
  if (!is_identifier(wish.role)) return fail(codes::kConfigInvalid, "`" + wish.role + "` is no role");
  auto policy = policy_of(profile, wish);
  if (!policy) return fail(std::move(policy.error()));
  if (looks_at_sequence(*policy) && !brings_sequence(profile))
    return fail(codes::kConfigInvalid, "the numbers of profile \"" + std::string(profile.name) +
                                           "\" are made by its services and don't ascend with their commits: policy "
                                           "\"cursor\" would pass rows. Use delete, mark or track, or guard xid");

  OutboxSettings settings;
  settings.table = *std::move(table);
  if (settings.table.schema.empty()) settings.table.schema = "public";
  settings.policy = *std::move(policy);
  settings.order_by = profile.order_by.empty() ? kOrderColumn : profile.order_by;
  settings.columns = columns_of(profile);
  if (std::holds_alternative<TrackRows>(settings.policy)) {
    if (settings.pointed(Role::kId) != nullptr)
      return fail(codes::kConfigInvalid, "policy \"track\" remembers ids, which must be a column, and in profile \"" +
                                             std::string(profile.name) + "\" they lie inside of one: use cursor");
    if (!brings_number(profile)) settings.order_by.clear();
  }

  PostgresColumns nothing_granted;
  nothing_granted.role = quoted_identifier(wish.role);
  return Setup{"CREATE ROLE " + nothing_granted.role + " LOGIN;",
               schema_for(settings.table) + with_table(profile.ddl, settings.table),
               additions(profile, settings),
               columns_for_existing(profile, settings),
               grant_statement(nothing_granted, settings) + grant_on_new_sequence(settings, wish),
               source_section(profile, settings, wish)};
}

}  // namespace penstock::outbox
