#include "connectors/outbox/outbox_settings.h"

#include <algorithm>

#include "connectors/outbox/connection_text.h"
#include "connectors/outbox/mapping_fields.h"
#include "connectors/outbox/text_list.h"
#include "connectors/outbox/tracked_table.h"
#include "core/json_pointer.h"
#include "core/json_text.h"
#include "store/postgres/session.h"

namespace penstock::outbox {
namespace {

using connectors::ColumnOrConstant;
using connectors::FieldSpec;
using connectors::FieldType;
using connectors::Section;
using connectors::SectionError;

constexpr std::string_view kPolicyWords[] = {"delete", "mark", "cursor", "track"};
constexpr std::string_view kGuardWords[] = {"xid", "writers"};

constexpr auto kRequired = FieldSpec::Presence::kRequired;
constexpr auto kOptional = FieldSpec::Presence::kOptional;

constexpr FieldSpec kFields[] = {
    {"url", FieldType::kUrl, kRequired, "", "Database of the service: postgresql://… or sqlite:FILE."},
    {"table", FieldType::kText, kRequired, "", "The outbox table: `table` or `schema.table`."},
    kProfileField,
    {"order_by", FieldType::kText, kOptional, "",
     "Unique, ascending integer column that rows are read by; default: the profile's, where it has one. With "
     "policy = \"track\" any column that sorts, or none."},
    {"policy", FieldType::kWord, kOptional, "",
     "What becomes of a settled row; default: as the profile says, mostly delete.", kPolicyWords},
    {"batch", FieldType::kInteger, kOptional, "500", "Most rows that one poll asks for.", {}, 1, 10'000},
    {"poll_min_ms", FieldType::kInteger, kOptional, "5", "Pause between polls while rows arrive.", {}, 1, 60'000},
    {"poll_max_ms",
     FieldType::kInteger,
     kOptional,
     "250",
     "Pause between polls when idle; with `listen`, while nothing is announced.",
     {},
     1,
     60'000},
    {"listen", FieldType::kText, kOptional, "", "NOTIFY channel that wakes the source up."},
    {"columns", FieldType::kColumns, kOptional, "",
     "Column names, values inside of JSON columns, or constants, over those of the profile, by role: id, "
     "aggregate_type, aggregate_id, type, payload, occurred_at, content_type, headers, or header_names and "
     "header_values."},
    kNullKeyField,
    kIdKindField,
    kIdsOfField,
    kIgnoreField,
    {"mark", FieldType::kTextTable, kOptional, "",
     "For policy = \"mark\": the column that a settled row is marked in, and the value; without one, the time."},
    {"guard", FieldType::kWord, kOptional, "",
     "For policy = \"cursor\" in Postgres: what keeps a late commit from being passed; writers where none is named, "
     "since xid orders by (transaction, number), which need not be the order of a key's commits.",
     kGuardWords},
    {"xid_column", FieldType::kText, kOptional, "",
     "For guard = \"xid\": the xid8 column with the writer's transaction."},
};

const Profile& profile_of(const Section& section) {
  const Profile* profile = find_profile(section.text("profile"));
  return profile != nullptr ? *profile : *find_profile("debezium");
}

// What `penstock outbox init` calls the number that it adds to a shape without one.
constexpr std::string_view kAddedOrderColumn = "seq";

std::map<Role, ColumnOrConstant> mapped_columns(const Section& section) {
  std::map<Role, ColumnOrConstant> columns = columns_of(profile_of(section));
  for (const auto& [word, column] : section.columns("columns"))
    if (const auto role = find_role(word)) columns[*role] = column;
  return columns;
}

std::string order_by_of(const Section& section) {
  return section.text("order_by").empty() ? std::string(profile_of(section).order_by) : section.text("order_by");
}

NullKey null_key_of(const Section& section) {
  const std::string& word = section.text("null_key");
  if (word.empty()) return profile_of(section).null_key;
  return word == "allow" ? NullKey::kAllow : NullKey::kRefuse;
}

// Collects what is wrong, each with its place.
class SettingsCheck {
 public:
  explicit SettingsCheck(const Section& section) : section_(section) {}

  std::vector<SectionError> run() && {
    check_url_and_table();
    outbox::check_policy(section_, profile_of(section_), backend_, errors_);
    check_order();
    check_columns();
    check_pace();
    if (const auto& channel = section_.text("listen"); section_.has("listen")) check_listen(channel);
    return std::move(errors_);
  }
  std::vector<SectionError> run_mapping() && {
    if (section_.has("table"))
      if (const auto table = parse_table_name(section_.text("table")); !table)
        complain("table", table.error().message());
    if (const std::string& order_by = section_.text("order_by"); !order_by.empty() && !is_identifier(order_by))
      complain("order_by", "`" + order_by + "` is no column name");
    check_columns();
    return std::move(errors_);
  }

 private:
  void complain(std::string_view key, std::string message) {
    errors_.push_back({section_.place(key), std::move(message)});
  }

  void check_url_and_table() {
    backend_ = backend_of(section_.secret("url").reveal());
    if (section_.has("url") && !backend_) complain("url", "expected postgresql://user@host/database or sqlite:FILE");
    if (backend_ == Backend::kPostgres && !store::postgres::is_connection_text(section_.secret("url")))
      complain("url", words_of_connection_text(section_.secret("url")));
    if (backend_ == Backend::kSqlite) {
      const std::string path = section_.secret("url").reveal().substr(7);
      if (path.empty() || path == ":memory:") complain("url", "expected the path of a database file after sqlite:");
    }
    if (!section_.has("table")) return;
    auto table = parse_table_name(section_.text("table"));
    if (!table)
      complain("table", table.error().message());
    else if (backend_ == Backend::kSqlite && !table->schema.empty() && table->schema != "main")
      complain("table", "a SQLite file has no schemas: write `" + table->name + "`");
    else
      table_ = *std::move(table);
    if (policy_word(section_, profile_of(section_)) == "track" && !is_identifier(settled_table(table_).name))
      complain("table", "policy \"track\" needs a table `" + settled_table(table_).name +
                            "` beside this one, and that name is longer than 63 bytes");
  }

  void check_order() {
    const std::string order_by = order_by_of(section_);
    if (!order_by.empty()) {
      if (!is_identifier(order_by)) complain("order_by", "`" + order_by + "` is no column name");
      return;
    }
    if (policy_word(section_, profile_of(section_)) == "track") return;
    complain("order_by", "order_by is missing: policy \"" + std::string(policy_word(section_, profile_of(section_))) +
                             "\" needs a unique, ascending integer column. To add one: " +
                             statement_that_adds_order_column(backend_.value_or(Backend::kPostgres), table_, "seq"));
  }

  void check_columns() {
    for (const auto& [word, column] : section_.columns("columns")) {
      const std::string member = "columns." + word;
      const auto role = find_role(word);
      if (!role)
        complain(member, "`" + word +
                             "` is no role of a column: expected id, aggregate_type, aggregate_id, type, "
                             "payload, occurred_at, content_type, headers, header_names or header_values");
      else if (column.is == ColumnOrConstant::Is::kConstant)
        check_constant(*role, column.text, member);
      else if (!is_identifier(column.text))
        complain(member, "`" + column.text + "` is no column name");
      else if (column.is == ColumnOrConstant::Is::kPointer)
        check_pointer(*role, column, member);
    }
    for (const std::string& column : section_.text_list("ignore"))
      if (!is_identifier(column)) complain("ignore", "`" + column + "` is no column name");
    const auto columns = mapped_columns(section_);
    for (const Role role : kRoles)
      if (is_required(role, null_key_of(section_)) && !columns.contains(role))
        complain("columns", "[source.columns] names no " + std::string(to_string(role)) + ", and profile \"" +
                                std::string(profile_of(section_).name) + "\" brings none");
    check_headers(columns);
  }

  void check_headers(const std::map<Role, ColumnOrConstant>& columns) {
    const bool names = columns.contains(Role::kHeaderNames), values = columns.contains(Role::kHeaderValues);
    if (names != values)
      complain("columns", "header_names and header_values belong together, and " +
                              std::string(names ? "header_values" : "header_names") + " is missing");
    else if (names && columns.contains(Role::kHeaders))
      complain("columns",
               "headers are either a JSON object (headers) or two lists (header_names, header_values), and both are "
               "mapped");
  }

  void check_pointer(Role role, const ColumnOrConstant& column, const std::string& member) {
    if (!is_json_pointer(column.pointer))
      complain(member, "`" + column.pointer + "` is no JSON pointer: expected /name/0/name");
    else if (role == Role::kId && policy_word(section_, profile_of(section_)) != "cursor")
      complain(member,
               "a row is settled by its id, which must be a column: a value inside of one goes with policy "
               "\"cursor\" only");
    else if (column.fallback && (role == Role::kId || role == Role::kOccurredAt))
      complain(member, std::string(to_string(role)) + " can have no default: it would be the same for all rows");
  }

  void check_constant(Role role, const std::string& text, const std::string& member) {
    if (role == Role::kId || role == Role::kOccurredAt)
      complain(member, std::string(to_string(role)) + " must be a column: a constant would be the same for all rows");
    else if (!is_utf8_text(text))
      complain(member, "the constant is not UTF-8 text");
    else if (role == Role::kHeaders && !is_json_object(text))
      complain(member, "headers must be a JSON object");
    else if ((role == Role::kHeaderNames || role == Role::kHeaderValues) && !parse_text_list(text))
      complain(member, std::string(to_string(role)) + " must be a list of texts: [\"name\", \"name\"]");
    else if (text.empty() && (role == Role::kType || role == Role::kAggregateType || role == Role::kContentType))
      complain(member, std::string(to_string(role)) + " must not be empty");
  }

  void check_pace() {
    if (section_.integer("poll_min_ms").value_or(5) > section_.integer("poll_max_ms").value_or(250))
      complain(section_.has("poll_max_ms") ? "poll_max_ms" : "poll_min_ms", "poll_max_ms is less than poll_min_ms");
  }

  void check_listen(const std::string& channel) {
    if (!is_identifier(channel)) complain("listen", "`" + channel + "` is no channel name");
    if (backend_ == Backend::kSqlite) complain("listen", "SQLite has no notifications: remove `listen`");
  }

  const Section& section_;
  std::optional<Backend> backend_;
  TableName table_{"", "outbox"};
  std::vector<SectionError> errors_;
};

}  // namespace

std::optional<Backend> backend_of(std::string_view url) {
  if (url.starts_with("sqlite:")) return Backend::kSqlite;
  const bool keywords = url.find("://") == std::string_view::npos && url.find('=') != std::string_view::npos;
  if (url.starts_with("postgresql://") || url.starts_with("postgres://") || keywords) return Backend::kPostgres;
  return std::nullopt;
}

const std::string* OutboxSettings::column_of(Role role) const {
  const auto found = columns.find(role);
  return found != columns.end() && found->second.is != ColumnOrConstant::Is::kConstant ? &found->second.text : nullptr;
}

bool OutboxSettings::is_mapped(std::string_view column) const {
  return std::ranges::any_of(kRoles, [&](Role role) {
    const std::string* mapped = column_of(role);
    return mapped != nullptr && *mapped == column;
  });
}

const std::string* OutboxSettings::constant_of(Role role) const {
  const auto found = columns.find(role);
  return found != columns.end() && found->second.is == ColumnOrConstant::Is::kConstant ? &found->second.text : nullptr;
}

const ColumnOrConstant* OutboxSettings::pointed(Role role) const {
  const auto found = columns.find(role);
  return found != columns.end() && found->second.is == ColumnOrConstant::Is::kPointer ? &found->second : nullptr;
}

std::map<Role, ColumnOrConstant> columns_of(const Profile& profile) {
  std::map<Role, ColumnOrConstant> columns;
  for (const ProfileColumn& column : profile.columns) {
    ColumnOrConstant& mapped = columns[column.role];
    mapped.text = column.column;
    if (column.is == ProfileColumn::Is::kConstant) mapped.is = ColumnOrConstant::Is::kConstant;
    if (column.pointer.empty()) continue;
    mapped.is = ColumnOrConstant::Is::kPointer;
    mapped.pointer = column.pointer;
    if (!column.fallback.empty()) mapped.fallback = column.fallback;
  }
  return columns;
}

std::span<const FieldSpec> outbox_fields() { return kFields; }

std::vector<SectionError> check_settings(const Section& section) { return SettingsCheck(section).run(); }

void check_row_mapping(const Section& section, std::vector<SectionError>& errors) {
  for (SectionError& error : SettingsCheck(section).run_mapping()) errors.push_back(std::move(error));
}

void read_row_mapping(const Section& section, OutboxSettings& settings) {
  const Profile& profile = profile_of(section);
  settings.order_by = order_by_of(section);
  settings.columns = mapped_columns(section);
  settings.ignore = section.text_list("ignore");
  for (const std::string_view column : profile.ignore) settings.ignore.emplace_back(column);
  // A row of a table is the same event however it is read and settled, also where this reader does neither by these.
  if (section.has("table")) {
    for (const std::string_view column : {profile.mark_column, profile.order_by})
      if (!column.empty()) settings.ignore.emplace_back(column);
    if (settings.order_by.empty()) settings.ignore.emplace_back(kAddedOrderColumn);
  }
  settings.text_payload = profile.text_payload;
  settings.id_kind = profile.id_kind;
  settings.ids_of = section.text("ids_of");
  if (!section.text("id_kind").empty())
    settings.id_kind = section.text("id_kind") == "any" ? IdKind::kAny : IdKind::kUuid;
  settings.null_key = null_key_of(section);
}

Result<OutboxSettings> read_settings(const Section& section, std::string_view source_name, std::size_t event_bytes) {
  if (const auto errors = check_settings(section); !errors.empty())
    return fail(codes::kConfigInvalid, errors.front().place + ": " + errors.front().message);
  OutboxSettings settings;
  settings.source_name = source_name;
  settings.url = section.secret("url");
  settings.backend = *backend_of(settings.url.reveal());
  if (settings.backend == Backend::kSqlite) settings.sqlite_path = settings.url.reveal().substr(7);
  settings.table = *parse_table_name(section.text("table"));
  if (settings.backend == Backend::kPostgres && settings.table.schema.empty()) settings.table.schema = "public";
  settings.policy = read_policy(section, profile_of(section), settings.backend);
  read_row_mapping(section, settings);
  settings.batch = static_cast<std::size_t>(section.integer("batch").value_or(500));
  settings.poll_min = std::chrono::milliseconds(section.integer("poll_min_ms").value_or(5));
  settings.poll_max = std::chrono::milliseconds(section.integer("poll_max_ms").value_or(250));
  settings.listen = section.text("listen");
  settings.event_bytes = event_bytes;
  return settings;
}

std::string statement_that_adds_mark(const OutboxSettings& settings) {
  const auto& mark = std::get<MarkRows>(settings.policy);
  const std::string type = settings.backend == Backend::kSqlite || mark.value ? "text" : "timestamptz";
  return "ALTER TABLE " + settings.table.quoted() + " ADD COLUMN " + quoted_identifier(mark.column) + " " + type + ";";
}

std::string statement_that_adds_xid(const OutboxSettings& settings) {
  const std::string column = quoted_identifier(*xid_column(settings.policy));
  return "ALTER TABLE " + settings.table.quoted() + " ADD COLUMN " + column +
         " xid8 NOT NULL DEFAULT pg_current_xact_id(); CREATE INDEX ON " + settings.table.quoted() + " (" + column +
         ", " + quoted_identifier(settings.order_by) + ");";
}

std::string statement_that_adds_order_column(Backend backend, const TableName& table, const std::string& column) {
  const std::string name = quoted_identifier(column);
  if (backend == Backend::kPostgres)
    return "ALTER TABLE " + table.quoted() + " ADD COLUMN " + name + " bigint GENERATED ALWAYS AS IDENTITY UNIQUE;";
  return "SQLite adds none to a table that is there: with order_by = \"" + column +
         "\" `penstock validate` prints how " + quoted_identifier(table.name) + " is made anew with " + name +
         " INTEGER PRIMARY KEY AUTOINCREMENT";
}

}  // namespace penstock::outbox
