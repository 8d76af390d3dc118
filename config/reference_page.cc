#include "config/reference_page.h"

#include "config/size_text.h"
#include "config/tables.h"

namespace penstock::config {
namespace {

// A cell of a Markdown table: bars would end it.
std::string cell(std::string_view text) {
  std::string out;
  for (const char letter : text) {
    if (letter == '|') out += '\\';
    out += letter;
  }
  return out;
}

std::string type_text(const FieldSpec& field) {
  switch (field.type) {
    case FieldType::kText: return "string";
    case FieldType::kSecret: return "secret string";
    case FieldType::kUrl: return "URL";
    case FieldType::kListen: return "address and port";
    case FieldType::kWord:
    case FieldType::kWordOrNumber: {
      std::string words;
      for (const auto word : field.words) words.append(words.empty() ? "" : ", ").append("`").append(word).append("`");
      return field.type == FieldType::kWord ? words : words + " or a number";
    }
    case FieldType::kInteger: return "integer";
    case FieldType::kBytes: return "size";
    case FieldType::kBoolean: return "boolean";
    case FieldType::kTextList: return "list of strings";
    case FieldType::kTextTable: return "table of strings";
    case FieldType::kScalarTable: return "table of scalars";
    case FieldType::kColumns: return "table of columns";
    case FieldType::kTable: return "table";
  }
  return "";
}

std::string limits_text(const FieldSpec& field) {
  const bool has_limits = field.type == FieldType::kInteger || field.type == FieldType::kBytes;
  if (!has_limits || field.maximum == std::numeric_limits<std::int64_t>::max()) return "";
  const auto form = [&](std::int64_t number) {
    return field.type == FieldType::kBytes ? format_size(number) : std::to_string(number);
  };
  return " (" + form(field.minimum) + " to " + form(field.maximum) + ")";
}

std::string default_text(const FieldSpec& field) {
  if (field.presence == FieldSpec::Presence::kRequired) return "required";
  std::string_view text = field.default_text;
  if (text.empty()) return "";
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') text = text.substr(1, text.size() - 2);
  return "`" + std::string(text) + "`";
}

void append_rows(std::string& out, std::span<const FieldSpec> fields, const std::string& prefix) {
  for (const FieldSpec& field : fields) {
    const std::string name = prefix + std::string(field.name);
    if (field.type == FieldType::kTable) {
      append_rows(out, field.members, name + ".");
      continue;
    }
    out += "| `" + name + "` | " + cell(type_text(field) + limits_text(field)) + " | " + cell(default_text(field)) +
           " | " + cell(field.help) + " |\n";
  }
}

void append_table(std::string& out, std::span<const FieldSpec> fields) {
  if (fields.empty()) {
    out += "No keys of its own.\n";
    return;
  }
  out += "| key | type | default | meaning |\n|---|---|---|---|\n";
  append_rows(out, fields, "");
}

}  // namespace

std::string reference_page(const Declarations& declarations) {
  std::string out =
      "# Configuration reference\n\n"
      "Generated from the rows that the parser reads; a test keeps it so. Words are explained in\n"
      "the [glossary](../glossary.md).\n\n"
      "Any string may be `{ env = \"NAME\" }` or `{ file = \"path\" }`. A size is a number of bytes, or text with "
      "`KiB`,\n"
      "`MiB` or `GiB`. A `url` out of a file is read there again at each connect, so that a password may change while "
      "the\n"
      "program runs; write the file in one step (rename).\n\n"
      "Keys of single tables can be overridden by `PENSTOCK_SECTION__KEY`, for instance `PENSTOCK_STORE__URL`;\n"
      "`DATABASE_URL` is an alias of that one, and `PROM_PORT`, a port on 127.0.0.1, one of\n"
      "`PENSTOCK_METRICS__LISTEN`. `penstock run --set section.key=value` comes before all of them.\n";
  for (const GlobalTable& table : global_tables()) {
    out += "\n## `[" + std::string(table.name) + "]`\n\n" + std::string(table.help) + "\n\n";
    append_table(out, table.fields);
  }
  out += "\n## `[[source]]`\n\nWhere events come from. Each feeds one route.\n\n";
  append_table(out, source_fields());
  for (const SourceDeclaration& source : declarations.sources) {
    out += "\n### `kind = \"" + std::string(source.name) + "\"`: " + std::string(source.title) + "\n\n";
    append_table(out, source.fields);
  }
  out += "\n## `[[sink]]`\n\nWhere events go.\n\n";
  append_table(out, sink_fields());
  for (const SinkDeclaration& sink : declarations.sinks) {
    out += "\n### `kind = \"" + std::string(sink.name) + "\"`: " + std::string(sink.title) + "\n\n";
    append_table(out, sink.fields);
  }
  out += "\n## `[[route]]`\n\nFrom a source or the store to a sink or the store.\n\n";
  append_table(out, route_fields());
  for (const SinkDeclaration& sink : declarations.sinks) {
    out += "\n### A route to a sink of kind `" + std::string(sink.name) + "`\n\n";
    append_table(out, sink.route_fields);
    if (sink.wires.empty()) continue;
    out += "\nWire forms:";
    for (const auto wire : sink.wires) out += " `" + std::string(wire) + "`";
    out += ".\n";
  }
  out +=
      "\n## Templates\n\nTexts of a route to a sink may hold placeholders: `{category}`, `{stream}`, `{key}`, "
      "`{type}`,\n"
      "`{id}`, `{version}`, `{position}`, `{content_type}` and `{metadata.NAME}`. One that is empty for an event is a\n"
      "rejection of that event.\n";
  return out;
}

}  // namespace penstock::config
