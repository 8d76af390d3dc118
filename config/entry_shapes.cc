#include "config/entry_shapes.h"

#include <algorithm>

#include "config/nearest.h"
#include "config/tables.h"

namespace penstock::config {
namespace {

std::string label_of(std::string_view table, const toml::table& of) {
  std::string label = "[[" + std::string(table) + "]]";
  if (const auto name = of["name"].value<std::string>()) label += " " + *name;
  return label;
}

// The words that `kind` may have; what is wrong with the given one.
std::string kind_problem(std::string_view what, const std::string& word, std::span<const std::string_view> known) {
  if (what == "sink" && word == kStoreName) {
    return "`kind`: the store needs no [[sink]] (expected a route with to = \"store\")";
  }
  if (is_later_word(what, "kind", word)) {
    return "`kind`: \"" + word + "\" is not built yet " + expectation("", known);
  }
  return "`kind`: unknown kind of " + std::string(what) + " \"" + word + "\" " + expectation(word, known);
}

// The declaration that `kind` names; null, and reported where it is a wrong word.
template <typename Declaration>
const Declaration* find_kind(const toml::table& table, std::string_view what, const std::vector<Declaration>& declared,
                             Reading& reading) {
  const auto* node = table.get_as<std::string>("kind");
  if (node == nullptr) return nullptr;
  const auto found = std::ranges::find(declared, node->get(), &Declaration::name);
  if (found != declared.end()) return &*found;
  std::vector<std::string_view> known;
  for (const Declaration& one : declared) known.push_back(one.name);
  reading.problems.error(place_of(reading, node->source()), kind_problem(what, node->get(), known));
  return nullptr;
}

}  // namespace

EntryShape EntryShapes::shape_of(std::string_view name, const toml::table& table, const ReadFile& file,
                                 Reading& reading) {
  if (name == "source") return source_shape(table, reading);
  if (name == "sink") return sink_shape(table, reading);
  return route_shape(table, file);
}

EntryShape EntryShapes::source_shape(const toml::table& table, Reading& reading) {
  EntryShape result{{"source", label_of("source", table), {}, {}}, {}};
  add_fields(result.shape, source_fields());
  if (const auto* kind = find_kind(table, "source", declarations_.sources, reading)) {
    add_fields(result.shape, kind->fields);
    result.shape.of_what = " of kind " + std::string(kind->name);
    result.kind = kind->name;
    return result;
  }
  for (const SourceDeclaration& any : declarations_.sources) add_fields(result.shape, any.fields);
  make_optional(result.shape, source_fields().size());
  return result;
}

EntryShape EntryShapes::sink_shape(const toml::table& table, Reading& reading) {
  EntryShape result{{"sink", label_of("sink", table), {}, {}}, {}};
  add_fields(result.shape, sink_fields());
  if (const auto* kind = find_kind(table, "sink", declarations_.sinks, reading)) {
    add_fields(result.shape, kind->fields);
    result.shape.of_what = " of kind " + std::string(kind->name);
    result.kind = kind->name;
    return result;
  }
  for (const SinkDeclaration& any : declarations_.sinks) add_fields(result.shape, any.fields);
  make_optional(result.shape, sink_fields().size());
  return result;
}

EntryShape EntryShapes::route_shape(const toml::table& table, const ReadFile& file) {
  EntryShape result{{"route", label_of("route", table), {}, {}}, {}};
  add_fields(result.shape, route_fields());
  const auto from = table["from"].value<std::string>();
  const auto to = table["to"].value<std::string>();
  if (from != kStoreName) drop_default(result.shape, "start");
  if (to == kStoreName) {
    drop_default(result.shape, "key");
    result.shape.of_what = " into the store";
    return result;
  }
  const auto sink = std::ranges::find_if(file.sinks, [&](const ReadEntry& one) { return one.name == to; });
  const auto* kind = sink == file.sinks.end() ? nullptr : declarations_.find_sink(sink->kind);
  if (kind != nullptr) {
    add_fields(result.shape, kind->route_fields);
    result.shape.of_what = " to a sink of kind " + std::string(kind->name);
    return result;
  }
  for (const SinkDeclaration& any : declarations_.sinks) add_fields(result.shape, any.route_fields);
  make_optional(result.shape, route_fields().size());
  return result;
}

// A key that means nothing for this route has no value either.
void EntryShapes::drop_default(TableShape& shape, std::string_view name) {
  const auto found = std::ranges::find(shape.fields, name, [](const FieldSpec* field) { return field->name; });
  FieldSpec copy = **found;
  copy.default_text = {};
  *found = &changed_fields_.emplace_back(copy);
}

// Where the kind is unknown, no key of any kind can be missing, and no default is right.
void EntryShapes::make_optional(TableShape& shape, std::size_t from) {
  for (std::size_t i = from; i < shape.fields.size(); ++i) {
    FieldSpec copy = *shape.fields[i];
    copy.presence = FieldSpec::Presence::kOptional;
    copy.default_text = {};
    shape.fields[i] = &changed_fields_.emplace_back(copy);
  }
}

}  // namespace penstock::config
