#include "config/toml_reader.h"

#include <algorithm>
#include <sstream>

#include "config/field_values.h"
#include "config/nearest.h"
#include "config/tables.h"
#include "config/toml_text.h"

namespace penstock::config {
namespace {

using NodeResult = tl::expected<FieldValue, std::string>;

// A string, or what a reference in its place yields.
struct Text {
  std::string text;
  std::string shown;      // of a reference: itself; empty for a plain string
  std::string file = {};  // that it was read from; empty for anything else
};

bool is_reference(const toml::table& table) {
  return table.size() == 1 && (table.contains("env") || table.contains("file"));
}

std::string ending_with_key(std::string_view key, const std::string& problem) {
  return "`" + std::string(key) + "`: " + problem;
}

// Reads the values of one table.
class TableReader {
 public:
  TableReader(const TableShape& shape, Reading& reading, TableReading& result)
      : shape_(shape), reading_(reading), result_(result) {}

  void read(const toml::table& table, const std::vector<const FieldSpec*>& fields, const std::string& prefix) {
    for (auto&& [key, node] : table) {
      const FieldSpec* field = find(fields, key.str());
      if (field == nullptr) {
        report_unknown(key, fields, prefix);
      } else {
        read_value(*field, prefix + std::string(key.str()), node);
      }
    }
    for (const FieldSpec* field : fields) {
      if (field->presence != FieldSpec::Presence::kRequired || table.contains(field->name)) continue;
      if (find(fields, field->name) != field) continue;
      reading_.problems.error(place_of(reading_, table.source()), "missing key `" + prefix + std::string(field->name) +
                                                                      "` in " + shape_.label + " (expected " +
                                                                      expected_by(*field) + ")");
    }
  }

 private:
  static const FieldSpec* find(const std::vector<const FieldSpec*>& fields, std::string_view name) {
    const auto found = std::find_if(fields.rbegin(), fields.rend(), [&](auto* field) { return field->name == name; });
    return found == fields.rend() ? nullptr : *found;
  }

  void report_unknown(const toml::key& key, const std::vector<const FieldSpec*>& fields, const std::string& prefix) {
    const Place place = place_of(reading_, key.source());
    const std::string name = prefix + std::string(key.str());
    if (is_later_key(shape_.table, name)) {
      return reading_.problems.error(place, "`" + name + "` in " + shape_.label + " is not built yet");
    }
    std::vector<std::string_view> known;
    for (const FieldSpec* field : fields) {
      if (find(fields, field->name) == field) known.push_back(field->name);
    }
    reading_.problems.error(
        place, "unknown key `" + name + "` in " + shape_.label + shape_.of_what + " " + expectation(key.str(), known));
  }

  void read_value(const FieldSpec& field, const std::string& name, const toml::node& node) {
    switch (field.type) {
      case FieldType::kTextList: return read_list(field, name, node);
      case FieldType::kTextTable:
      case FieldType::kScalarTable: return read_scalars(field, name, node);
      case FieldType::kColumns: return read_columns(field, name, node);
      case FieldType::kTable: return read_members(field, name, node);
      default: return read_scalar(field, name, node);
    }
  }

  void read_scalar(const FieldSpec& field, const std::string& name, const toml::node& node) {
    if (const auto* boolean = node.as_boolean(); boolean != nullptr && field.type == FieldType::kBoolean) {
      return set(name, {boolean->get(), boolean->get() ? "true" : "false"}, node);
    }
    if (const auto* integer = node.as_integer()) {
      return settle(name, number_value(field, integer->get()), node);
    }
    const bool reference = node.is_table() && is_reference(*node.as_table());
    if (!node.is_string() && !reference) return report_type(field, name, node);
    auto text = read_text(name, node);
    if (!text) return;
    if (field.type == FieldType::kWord && is_later_word(shape_.table, name, text->text)) {
      std::vector<std::string_view> built;
      std::ranges::copy_if(field.words, std::back_inserter(built),
                           [&](std::string_view word) { return !is_later_word(shape_.table, name, word); });
      return report(name, node, "\"" + text->text + "\" is not built yet " + expectation("", built));
    }
    auto value = value_of(field, std::move(text->text), reference);
    if (value && !text->shown.empty()) value->shown = text->shown;
    if (auto* secret = value ? std::get_if<Secret>(&value->value) : nullptr; secret != nullptr && !text->file.empty())
      *secret = References::kept_secret(secret->reveal(), text->file);
    settle(name, std::move(value), node);
  }

  // A reference yields text; a number may be meant by it.
  static NodeResult value_of(const FieldSpec& field, std::string text, bool reference) {
    if (!reference) return text_value(field, std::move(text));
    auto value = value_from_text(field, text);
    if (value) return value;
    // What a reference yields is never shown, not even when it is wrong.
    return tl::unexpected("the reference yields a wrong value (expected " + expected_by(field) + ")");
  }

  void read_list(const FieldSpec& field, const std::string& name, const toml::node& node) {
    const toml::array* array = node.as_array();
    if (array == nullptr) return report_type(field, name, node);
    std::vector<std::string> list;
    std::string shown = "[";
    for (const toml::node& element : *array) {
      const bool reference = element.is_table() && is_reference(*element.as_table());
      if (!element.is_string() && !reference) {
        report_type(field, name, element);
        continue;
      }
      const auto text = read_text(name, element);
      if (!text) continue;
      if (shown.size() > 1) shown += ", ";
      shown += text->shown.empty() ? toml_quoted(text->text) : text->shown;
      list.push_back(text->text);
    }
    set(name, {std::move(list), shown + "]"}, node);
  }

  void read_scalars(const FieldSpec& field, const std::string& name, const toml::node& node) {
    const toml::table* table = node.as_table();
    if (table == nullptr) return report_type(field, name, node);
    std::map<std::string, std::string> members;
    std::string shown;
    for (auto&& [key, element] : *table) {
      const std::string member = name + "." + std::string(key.str());
      result_.section.set_member_place(member, place_of(reading_, element.source()));
      auto text = read_member(field, member, element);
      if (!text) continue;
      if (is_secret_name(key.str()) && text->shown != "")
        text->shown = text->shown.starts_with("{") ? text->shown : "\"***\"";
      shown.append(shown.empty() ? "" : ", ").append(key_text(key.str())).append(" = ").append(text->shown);
      members.emplace(key.str(), std::move(text->text));
    }
    set(name, {std::move(members), shown.empty() ? "{}" : "{ " + shown + " }"}, node);
  }

  // The text of a scalar member, shown as TOML.
  std::optional<Text> read_member(const FieldSpec& field, const std::string& member, const toml::node& node) {
    const bool scalars = field.type == FieldType::kScalarTable;
    if (const auto* number = node.as_integer(); number != nullptr && scalars) {
      return Text{std::to_string(number->get()), std::to_string(number->get())};
    }
    if (const auto* boolean = node.as_boolean(); boolean != nullptr && scalars) {
      return boolean->get() ? Text{"true", "true"} : Text{"false", "false"};
    }
    if (const auto* number = node.as_floating_point(); number != nullptr && scalars) {
      std::ostringstream text;
      text << *number;
      return Text{text.str(), text.str()};
    }
    const bool reference = node.is_table() && is_reference(*node.as_table());
    if (!node.is_string() && !reference) {
      report_member_type(field, member, node);
      return std::nullopt;
    }
    auto text = read_text(member, node);
    if (text && text->shown.empty()) text->shown = toml_quoted(text->text);
    return text;
  }

  void read_columns(const FieldSpec& field, const std::string& name, const toml::node& node) {
    const toml::table* table = node.as_table();
    if (table == nullptr) return report_type(field, name, node);
    std::map<std::string, ColumnOrConstant> columns;
    std::string shown;
    for (auto&& [key, element] : *table) {
      const std::string member = name + "." + std::string(key.str());
      result_.section.set_member_place(member, place_of(reading_, element.source()));
      const auto* pointed = element.as_table();
      if (pointed != nullptr && pointed->contains("pointer")) {
        auto column = read_pointed(field, member, *pointed);
        if (!column) continue;
        shown.append(shown.empty() ? "" : ", ").append(key_text(key.str())).append(" = ").append(shown_of(*column));
        columns.emplace(key.str(), *std::move(column));
        continue;
      }
      const toml::node* value = &element;
      auto is = ColumnOrConstant::Is::kColumn;
      if (const auto* inner = element.as_table(); inner != nullptr && inner->size() == 1 && inner->contains("const")) {
        value = inner->get("const");
        is = ColumnOrConstant::Is::kConstant;
      }
      const auto text = read_member(field, member, *value);
      if (!text) continue;
      const std::string one = is == ColumnOrConstant::Is::kColumn ? text->shown : "{ const = " + text->shown + " }";
      shown.append(shown.empty() ? "" : ", ").append(key_text(key.str())).append(" = ").append(one);
      columns.emplace(key.str(), ColumnOrConstant{is, text->text, {}, {}});
    }
    set(name, {std::move(columns), shown.empty() ? "{}" : "{ " + shown + " }"}, node);
  }

  // { column = "…", pointer = "/…", default = "…" }, the last one optional.
  std::optional<ColumnOrConstant> read_pointed(const FieldSpec& field, const std::string& member,
                                               const toml::table& table) {
    ColumnOrConstant column{ColumnOrConstant::Is::kPointer, {}, {}, {}};
    for (auto&& [key, element] : table) {
      const toml::node& node = element;
      const auto* text = node.as_string();
      if (text == nullptr || (key != "column" && key != "pointer" && key != "default")) {
        report_member_type(field, member, node);
        return std::nullopt;
      }
      if (key == "column") column.text = text->get();
      if (key == "pointer") column.pointer = text->get();
      if (key == "default") column.fallback = text->get();
    }
    return column;
  }

  static std::string shown_of(const ColumnOrConstant& column) {
    std::string shown = "{ column = " + toml_quoted(column.text) + ", pointer = " + toml_quoted(column.pointer);
    if (column.fallback) shown += ", default = " + toml_quoted(*column.fallback);
    return shown + " }";
  }

  void read_members(const FieldSpec& field, const std::string& name, const toml::node& node) {
    const toml::table* table = node.as_table();
    if (table == nullptr) return report_type(field, name, node);
    std::vector<const FieldSpec*> members;
    for (const FieldSpec& member : field.members) members.push_back(&member);
    read(*table, members, name + ".");
  }

  std::optional<Text> read_text(const std::string& name, const toml::node& node) {
    if (const auto* text = node.as_string()) return check_text(name, node, Text{text->get(), {}});
    const toml::table& table = *node.as_table();
    const auto first = table.begin();  // the pair that it refers to lives in the iterator
    auto&& [key, value] = *first;
    const auto* target = value.as_string();
    if (target == nullptr || target->get().empty()) {
      report(name, node, "wrong reference (expected { env = \"NAME\" } or { file = \"path\" })");
      return std::nullopt;
    }
    const bool env = key.str() == "env";
    auto resolved = env ? reading_.references.from_environment(target->get()) : References::from_file(target->get());
    if (!resolved) {
      result_.unresolved.insert(name);
      const Place place = place_of(reading_, node.source());
      const std::string message = ending_with_key(name, resolved.error());
      if (reading_.unresolved == Problem::Severity::kError) {
        reading_.problems.error(place, message);
      } else {
        reading_.problems.warning(place, message);
      }
      return std::nullopt;
    }
    const std::string shown = std::string(env ? "{ env = " : "{ file = ") + toml_quoted(target->get()) + " }";
    return check_text(name, node, Text{*std::move(resolved), shown, env ? std::string() : target->get()});
  }

  std::optional<Text> check_text(const std::string& name, const toml::node& node, Text text) {
    if (text.text.find('\0') == std::string::npos) return text;
    report(name, node, "holds a NUL character (expected text without it)");
    return std::nullopt;
  }

  void settle(const std::string& name, NodeResult value, const toml::node& node) {
    if (value) return set(name, std::move(*value), node);
    report(name, node, value.error());
  }

  void set(const std::string& name, FieldValue value, const toml::node& node) {
    const Place place = place_of(reading_, node.source());
    result_.shown.push_back({name, std::move(value.shown), place});
    result_.section.set(name, std::move(value.value), place);
  }

  void report(const std::string& name, const toml::node& node, const std::string& problem) {
    reading_.problems.error(place_of(reading_, node.source()), ending_with_key(name, problem));
  }

  void report_type(const FieldSpec& field, const std::string& name, const toml::node& node) {
    report(name, node, "wrong type: " + type_of(node) + " (expected " + expected_by(field) + ")");
  }

  void report_member_type(const FieldSpec& field, const std::string& name, const toml::node& node) {
    std::string hint;
    if (const auto* table = node.as_table(); table != nullptr && !table->empty()) {
      const auto last_dot = name.find('.');
      hint = "; a name with dots is written in quotes: \"" + name.substr(last_dot + 1) + "." +
             std::string(table->begin()->first.str()) + "\"";
    }
    report(name, node, "wrong type: " + type_of(node) + " (expected " + expected_by(field) + hint + ")");
  }

  const TableShape& shape_;
  Reading& reading_;
  TableReading& result_;
};

void fill(TableReading& result, const FieldSpec& field, const std::string& prefix) {
  const std::string name = prefix + std::string(field.name);
  if (field.type == FieldType::kTable) {
    for (const FieldSpec& member : field.members) fill(result, member, name + ".");
    return;
  }
  const bool is_text =
      field.type == FieldType::kText || field.type == FieldType::kSecret || field.type == FieldType::kUrl;
  if (result.section.has(name) || (is_text && result.unresolved.contains(name))) return;
  auto value = default_value(field);
  if (!value) return;
  result.section.set_default(name, std::move(value->value));
  result.shown.push_back({name, std::move(value->shown), "default"});
}

}  // namespace

Place place_of(const Reading& reading, const toml::source_region& source) {
  Place place(reading.file);
  return place.append(":")
      .append(std::to_string(source.begin.line))
      .append(":")
      .append(std::to_string(source.begin.column));
}

std::string type_of(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::table: return "a table";
    case toml::node_type::array: return "a list";
    case toml::node_type::string: return "a string";
    case toml::node_type::integer: return "an integer";
    case toml::node_type::floating_point: return "a number with a fraction";
    case toml::node_type::boolean: return "a boolean";
    case toml::node_type::date:
    case toml::node_type::time:
    case toml::node_type::date_time: return "a date or time";
    case toml::node_type::none: break;
  }
  return "nothing";
}

void add_fields(TableShape& shape, std::span<const FieldSpec> fields) {
  for (const FieldSpec& field : fields) shape.fields.push_back(&field);
}

TableReading read_table(const toml::table& table, const TableShape& shape, Reading& reading) {
  TableReading result;
  result.section.set_header_place(place_of(reading, table.source()));
  TableReader(shape, reading, result).read(table, shape.fields, "");
  return result;
}

void fill_defaults(TableReading& result, const TableShape& shape) {
  for (auto field = shape.fields.rbegin(); field != shape.fields.rend(); ++field) fill(result, **field, "");
}

}  // namespace penstock::config
