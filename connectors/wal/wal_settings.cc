#include "connectors/wal/wal_settings.h"

#include <algorithm>

#include "connectors/outbox/connection_text.h"
#include "connectors/outbox/mapping_fields.h"
#include "connectors/outbox/table_name.h"
#include "store/postgres/session.h"

namespace penstock::wal {
namespace {

using connectors::FieldSpec;
using connectors::FieldType;
using connectors::Section;
using connectors::SectionError;

constexpr std::string_view kSettleWords[] = {"keep", "delete"};

constexpr auto kRequired = FieldSpec::Presence::kRequired;
constexpr auto kOptional = FieldSpec::Presence::kOptional;

constexpr FieldSpec kFields[] = {
    {"url", FieldType::kUrl, kRequired, "", "Database of the service: postgresql://… of the primary itself."},
    {"table", FieldType::kText, kOptional, "", "The outbox table: `table` or `schema.table`."},
    {"message_prefix", FieldType::kText, kOptional, "",
     "Instead of `table`: prefix of the messages that pg_logical_emit_message writes."},
    outbox::kProfileField,
    {"order_by", FieldType::kText, kOptional, "",
     "Column that a polling source of this table reads by: here only left out of the metadata, as there."},
    {"columns", FieldType::kColumns, kOptional, "", "Column names, or constants, over those of the profile."},
    outbox::kNullKeyField,
    outbox::kIdKindField,
    outbox::kIdsOfField,
    outbox::kIgnoreField,
    {"settle", FieldType::kWord, kOptional, "keep",
     "What becomes of settled rows: they stay, or are deleted by their id, at most 20,000 a second.", kSettleWords},
    {"visibility_gate", FieldType::kBoolean, kOptional, "",
     "Whether an event is handed out only once other sessions see its transaction; default: where `settle` is "
     "`delete`."},
    {"slot", FieldType::kText, kOptional, "", "Replication slot; default: penstock_ and the name of the source."},
    {"publication", FieldType::kText, kOptional, "", "Publication; default: penstock_ and the name of the source."},
    {"create", FieldType::kBoolean, kOptional, "true", "Whether a missing publication and slot are created."},
};

bool is_slot_name(std::string_view name) {
  return !name.empty() && name.size() <= 63 &&
         std::ranges::all_of(name, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; });
}

}  // namespace

std::span<const FieldSpec> wal_fields() { return kFields; }

std::vector<SectionError> check_settings(const Section& section) {
  std::vector<SectionError> errors;
  const auto complain = [&](std::string_view key, std::string message) {
    errors.push_back({section.place(key), std::move(message)});
  };
  if (section.has("url") && outbox::backend_of(section.secret("url").reveal()) != outbox::Backend::kPostgres)
    complain("url", "expected postgresql://user@host/database: only PostgreSQL has a log that can be read");
  else if (section.has("url") && !store::postgres::is_connection_text(section.secret("url")))
    complain("url", outbox::words_of_connection_text(section.secret("url")));
  if (section.has("table") == section.has("message_prefix"))
    complain(section.has("table") ? "message_prefix" : "table",
             "expected either `table` (rows of an outbox table) or `message_prefix` (pg_logical_emit_message)");
  if (section.has("message_prefix")) {
    if (section.text("message_prefix").empty() || section.text("message_prefix").starts_with("penstock."))
      complain("message_prefix", "expected a prefix of the service's own; those with penstock. are the program's");
    if (section.has("order_by")) complain("order_by", "messages have no column to order by: remove `order_by`");
  }
  if (section.text("settle") == "delete" && section.has("message_prefix"))
    complain("settle", "messages leave no rows behind: remove `settle`");
  if (section.text("settle") == "delete" && section.boolean("visibility_gate") == false)
    complain("visibility_gate", "a row that is not visible yet can't be deleted: remove `visibility_gate`");
  if (section.has("slot") && !is_slot_name(section.text("slot")))
    complain("slot", "expected 1 to 63 lower case letters, digits and underscores");
  if (section.has("publication") && !outbox::is_identifier(section.text("publication")))
    complain("publication", "`" + section.text("publication") + "` can't be the name of a publication");
  outbox::check_row_mapping(section, errors);
  if (!errors.empty() || section.text("settle") != "delete") return errors;
  outbox::OutboxSettings rows;
  outbox::read_row_mapping(section, rows);
  if (rows.column_of(outbox::Role::kId) == nullptr || rows.pointed(outbox::Role::kId) != nullptr)
    complain("settle", "rows are deleted by their id, which has to be a column of its own");
  return errors;
}

Result<WalSettings> read_settings(const Section& section, std::string_view source_name, std::size_t event_bytes) {
  if (const auto errors = check_settings(section); !errors.empty())
    return fail(codes::kConfigInvalid, errors.front().place + ": " + errors.front().message);
  WalSettings settings;
  settings.rows.source_name = source_name;
  settings.rows.url = section.secret("url");
  settings.rows.event_bytes = event_bytes;
  outbox::read_row_mapping(section, settings.rows);
  settings.message_prefix = section.text("message_prefix");
  if (settings.reads_messages()) {
    settings.rows.order_by.clear();
    settings.rows.table = {"", "messages with prefix " + settings.message_prefix};
  } else {
    settings.rows.table = *outbox::parse_table_name(section.text("table"));
    if (settings.rows.table.schema.empty()) settings.rows.table.schema = "public";
  }
  settings.slot = section.has("slot") ? section.text("slot") : default_log_name(source_name);
  settings.publication = section.has("publication") ? section.text("publication") : default_log_name(source_name);
  if (section.text("settle") == "delete") settings.settle = WalSettings::Settle::kDelete;
  if (section.boolean("visibility_gate") == true) settings.gate = WalSettings::Gate::kUntilVisible;
  if (section.boolean("create") == false) settings.create = WalSettings::Create::kNo;
  return settings;
}

// Slot names are lower case letters, digits and underscores.
std::string default_log_name(std::string_view source_name) {
  std::string name = "penstock_" + std::string(source_name);
  std::ranges::replace(name, '-', '_');
  return name.substr(0, 63);
}

std::string create_publication_statement(const WalSettings& settings, Generated generated) {
  std::string text = "CREATE PUBLICATION " + outbox::quoted_identifier(settings.publication);
  if (settings.reads_messages()) return text + ";";
  return text + " FOR TABLE " + settings.rows.table.quoted() +
         " WITH (publish = 'insert', publish_via_partition_root = true" +
         (generated == Generated::kMapped ? ", publish_generated_columns = stored);" : ");");
}

std::string create_slot_statement(const WalSettings& settings, int server_version) {
  const std::string failover = server_version >= 170'000 ? ", failover => true" : "";
  return "SELECT pg_create_logical_replication_slot(" + store::postgres::quote_literal(settings.slot) + ", 'pgoutput'" +
         failover + ");";
}

std::string create_slot_patiently(const std::string& statement, std::chrono::milliseconds patience) {
  return "SELECT set_config('lock_timeout', '0', true), set_config('statement_timeout', '" +
         std::to_string(patience.count()) + "ms', true); " + statement;
}

std::string drop_slot_statement(const WalSettings& settings) {
  return "SELECT pg_drop_replication_slot(" + store::postgres::quote_literal(settings.slot) + ");";
}

std::string drop_publication_statement(const WalSettings& settings) {
  return "DROP PUBLICATION " + outbox::quoted_identifier(settings.publication) + ";";
}

}  // namespace penstock::wal
