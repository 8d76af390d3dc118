#include "config/load.h"

#include <algorithm>
#include <array>

#include "config/cross_checks.h"
#include "config/entry_shapes.h"
#include "config/field_values.h"
#include "config/file_text.h"
#include "config/nearest.h"
#include "config/overrides.h"
#include "config/tables.h"
#include "config/toml_reader.h"

namespace penstock::config {
namespace {

constexpr std::size_t kLargestFile = 1 << 20;

// A table that was read, with what is needed to give it its defaults.
struct ShapedReading {
  TableShape shape;
  TableReading reading;
};

LogLevel log_level_of(std::string_view word) {
  if (word == "trace") return LogLevel::kTrace;
  if (word == "debug") return LogLevel::kDebug;
  if (word == "warn") return LogLevel::kWarn;
  if (word == "error") return LogLevel::kError;
  return LogLevel::kInfo;
}

// Reads one file, from its tables to settings.
class Loader {
 public:
  Loader(const LoadRequest& request, const Declarations& declarations)
      : request_(request), declarations_(declarations), references_(request.environment), shapes_(declarations) {
    reading_.file = request_.path;
    reading_.unresolved = request_.missing_reference == MissingReference::kError ? Problem::Severity::kError
                                                                                 : Problem::Severity::kWarning;
  }

  Loaded load(std::string_view text) {
    try {
      read_all(toml::parse(text, request_.path));
    } catch (const toml::parse_error& error) {
      problems_.error(place_of(reading_, error.source()), "syntax error: " + std::string(error.description()));
      return {std::nullopt, std::move(problems_).take_sorted()};
    }
    check_names(file_, problems_);
    check_routes(file_, declarations_, problems_);
    check_limits();
    check_kinds();
    if (!problems_.has_errors()) warn_of_unused(file_, problems_);
    warn_of_unknown_variables(references_, problems_);

    Loaded loaded;
    if (!problems_.has_errors()) loaded.settings = to_settings();
    loaded.problems = std::move(problems_).take_sorted();
    return loaded;
  }

 private:
  void read_all(const toml::table& root) {
    check_top_level(root);
    for (std::size_t i = 0; i < globals_.size(); ++i) globals_[i] = read_global(root, global_tables()[i]);
    apply_overrides();
    for (ShapedReading& global : globals_) fill_defaults(global.reading, global.shape);
    read_entries(root, "source", sources_, file_.sources);
    read_entries(root, "sink", sinks_, file_.sinks);
    read_entries(root, "route", routes_, file_.routes);
  }

  void check_top_level(const toml::table& root) {
    std::vector<std::string_view> known;
    for (const GlobalTable& table : global_tables()) known.push_back(table.name);
    known.insert(known.end(), {"source", "sink", "route"});
    for (auto&& [key, node] : root) {
      if (std::ranges::find(known, key.str()) != known.end()) continue;
      const Place place = place_of(reading_, key.source());
      const std::string name(key.str());
      if (is_later_key("", name)) {
        problems_.error(place, "`" + name + "` is not built yet");
      } else {
        problems_.error(place, "unknown table `" + name + "` " + expectation(name, known));
      }
    }
  }

  ShapedReading read_global(const toml::table& root, const GlobalTable& global) {
    ShapedReading result;
    result.shape.table = global.name;
    result.shape.label = "[" + std::string(global.name) + "]";
    add_fields(result.shape, global.fields);
    const toml::node* node = root.get(global.name);
    if (node == nullptr) {
      result.reading.section.set_header_place(std::string(reading_.file) + ":1:1");
    } else if (const toml::table* table = node->as_table()) {
      result.reading = read_table(*table, result.shape, reading_);
    } else {
      problems_.error(place_of(reading_, node->source()), "wrong type of `" + std::string(global.name) +
                                                              "`: " + type_of(*node) +
                                                              " (expected a table: " + result.shape.label + ")");
    }
    return result;
  }

  void apply_overrides() {
    std::vector<Override> overrides = overrides_of(request_.environment);
    overrides.insert(overrides.end(), request_.overrides.begin(), request_.overrides.end());
    for (const Override& one : overrides) apply(one);
  }

  void apply(const Override& one) {
    const auto dot = one.key.find('.');
    const auto table = std::ranges::find(global_tables(), one.key.substr(0, dot), &GlobalTable::name);
    if (dot == std::string::npos || table == global_tables().end()) return report_unknown_override(one);
    const std::string key = one.key.substr(dot + 1);
    const auto field = std::ranges::find(table->fields, key, &FieldSpec::name);
    if (field == table->fields.end()) return report_unknown_override(one);

    auto value = value_from_text(*field, one.text);
    if (!value) return problems_.error(one.origin, "`" + one.key + "`: " + value.error());
    TableReading& reading = globals_[static_cast<std::size_t>(table - global_tables().begin())].reading;
    const bool is_alias = one.origin == kDatabaseUrl || one.origin == kPromPort;
    if (is_alias && reading.section.has(key)) {
      if (text_of(reading.section, *field) == one.text) return;
      problems_.warning(reading.section.place(key), "`" + key + "` is overridden by " + one.origin);
    }
    ShownKey shown{key, std::move(value->shown), one.origin, {}};
    if (const auto before = std::ranges::find(reading.shown, key, &ShownKey::name); before != reading.shown.end()) {
      shown.instead_of = before->origin;
      reading.shown.erase(before);
    }
    reading.shown.push_back(std::move(shown));
    reading.section.set(key, std::move(value->value), one.origin);
  }

  static const std::string& text_of(const Section& section, const FieldSpec& field) {
    return field.type == FieldType::kUrl ? section.secret(field.name).reveal() : section.text(field.name);
  }

  void report_unknown_override(const Override& one) {
    std::vector<std::string> names;
    for (const GlobalTable& table : global_tables()) {
      for (const FieldSpec& field : table.fields)
        names.push_back(std::string(table.name).append(".").append(field.name));
    }
    const std::vector<std::string_view> known(names.begin(), names.end());
    problems_.error(one.origin, "unknown key `" + one.key + "` " + expectation(one.key, known));
  }

  void read_entries(const toml::table& root, std::string_view name, std::vector<ShapedReading>& readings,
                    std::vector<ReadEntry>& entries) {
    const toml::node* node = root.get(name);
    if (node == nullptr) return;
    const toml::array* array = node->as_array();
    if (array == nullptr) return report_no_entry(name, *node);
    for (const toml::node& element : *array) {
      const toml::table* table = element.as_table();
      if (table == nullptr) {
        report_no_entry(name, element);
        continue;
      }
      EntryShape entry = shapes_.shape_of(name, *table, file_, reading_);
      ShapedReading one{std::move(entry.shape), {}};
      one.reading = read_table(*table, one.shape, reading_);
      fill_defaults(one.reading, one.shape);
      entries.push_back(entry_of(one.reading.section, std::move(entry.kind), *table));
      readings.push_back(std::move(one));
    }
  }

  void report_no_entry(std::string_view name, const toml::node& node) {
    problems_.error(place_of(reading_, node.source()), "wrong type of `" + std::string(name) + "`: " + type_of(node) +
                                                           " (expected [[" + std::string(name) + "]])");
  }

  static ReadEntry entry_of(const Section& section, std::string kind, const toml::table& table) {
    ReadEntry entry;
    entry.kind = std::move(kind);
    entry.section = section;
    // What has a wrong type was reported and reads as empty.
    if (table.contains("name")) entry.name = section.text("name");
    if (table.contains("from")) entry.from = section.text("from");
    if (table.contains("to")) entry.to = section.text("to");
    return entry;
  }

  void check_limits() {
    const Section& limits = globals_[3].reading.section;
    const auto event = limits.integer("event_bytes");
    const auto batch = limits.integer("batch_bytes");
    if (!event || !batch || *batch >= *event) return;
    problems_.error(limits.place(limits.has("batch_bytes") ? "batch_bytes" : "event_bytes"),
                    "`batch_bytes`: smaller than `event_bytes` (expected at least " + std::to_string(*event) + ")");
  }

  void check_kinds() {
    run_check(declarations_.check_store, globals_[0].reading);
    for (std::size_t i = 0; i < sources_.size(); ++i) {
      const auto* kind = declarations_.find_source(file_.sources[i].kind);
      if (kind != nullptr) run_check(kind->check, sources_[i].reading);
    }
    for (std::size_t i = 0; i < sinks_.size(); ++i) {
      const auto* kind = declarations_.find_sink(file_.sinks[i].kind);
      if (kind != nullptr) run_check(kind->check, sinks_[i].reading);
    }
    for (std::size_t i = 0; i < routes_.size(); ++i) {
      const ReadEntry* sink = find_entry(file_.sinks, file_.routes[i].to);
      const auto* kind = sink == nullptr ? nullptr : declarations_.find_sink(sink->kind);
      if (kind != nullptr) run_check(kind->check_route, routes_[i].reading);
    }
  }

  void run_check(const std::function<std::vector<SectionError>(const Section&)>& check, const TableReading& reading) {
    if (!check || !reading.unresolved.empty()) return;
    for (SectionError& error : check(reading.section))
      problems_.error(std::move(error.place), std::move(error.message));
  }

  Settings to_settings() {
    Settings settings;
    const Section& store = globals_[0].reading.section;
    settings.store = {store.secret("url"), store.text("schema")};
    const Section& log = globals_[1].reading.section;
    settings.log.level = log_level_of(log.text("level"));
    settings.log.format = log.text("format") == "json" ? LogTable::Format::kJson : LogTable::Format::kText;
    settings.shutdown_grace = std::chrono::milliseconds(*globals_[2].reading.section.integer("grace_ms"));
    settings.limits = to_limits(globals_[3].reading.section);
    const Section& metrics = globals_[4].reading.section;
    if (metrics.has("listen")) settings.metrics.listen = *parse_listen_address(metrics.text("listen"));
    for (ReadEntry& one : file_.sources) settings.sources.push_back({one.name, one.kind, std::move(one.section)});
    for (ReadEntry& one : file_.sinks) settings.sinks.push_back({one.name, one.kind, std::move(one.section)});
    for (ReadEntry& one : file_.routes) settings.routes.push_back({one.name, one.from, one.to, std::move(one.section)});
    for (ShapedReading& one : globals_) show(settings, "[" + one.shape.table + "]", one);
    for (ShapedReading& one : sources_) show(settings, "[[source]]", one);
    for (ShapedReading& one : sinks_) show(settings, "[[sink]]", one);
    for (std::size_t i = 0; i < routes_.size(); ++i) {
      if (!routes_[i].reading.section.has("name")) {
        routes_[i].reading.shown.push_back({"name", "\"" + file_.routes[i].name + "\"", "default"});
      }
      show(settings, "[[route]]", routes_[i]);
    }
    return settings;
  }

  static Limits to_limits(const Section& section) {
    const auto size = [&](std::string_view key) { return static_cast<std::size_t>(*section.integer(key)); };
    return {size("event_bytes"),  size("batch_events"), size("batch_bytes"),
            size("stream_bytes"), size("type_bytes"),   size("metadata_bytes")};
  }

  // Keys in the order of their declaration.
  static void show(Settings& settings, std::string header, ShapedReading& one) {
    const auto rank = [&](const ShownKey& key) {
      const std::string_view top = std::string_view(key.name).substr(0, key.name.find('.'));
      return std::ranges::find(one.shape.fields, top, [](const FieldSpec* field) { return field->name; }) -
             one.shape.fields.begin();
    };
    std::ranges::stable_sort(one.reading.shown, {}, rank);
    settings.shown.push_back({std::move(header), std::move(one.reading.shown)});
  }

  const LoadRequest& request_;
  const Declarations& declarations_;
  References references_;
  Problems problems_;
  Reading reading_{{}, references_, Problem::Severity::kError, problems_};

  std::array<ShapedReading, 5> globals_;  // in the order of global_tables()
  std::vector<ShapedReading> sources_, sinks_, routes_;
  ReadFile file_;
  EntryShapes shapes_;
};

}  // namespace

Loaded load_file(const LoadRequest& request, const Declarations& declarations) {
  const auto text = read_file_text(request.path, kLargestFile);
  if (text) return load_text(*text, request, declarations);
  return {std::nullopt, {{Problem::Severity::kError, request.path, "can't be read: " + text.error()}}};
}

Loaded load_text(std::string_view text, const LoadRequest& request, const Declarations& declarations) {
  return Loader(request, declarations).load(text);
}

}  // namespace penstock::config
