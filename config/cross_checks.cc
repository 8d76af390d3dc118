#include "config/cross_checks.h"

#include <algorithm>
#include <map>
#include <set>

#include "config/nearest.h"

namespace penstock::config {
namespace {

constexpr std::size_t kLongestName = 63;

bool is_name(std::string_view name) {
  const auto fits = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
  return !name.empty() && name.size() <= kLongestName && std::ranges::all_of(name, fits);
}

enum class StoreWord { kReserved, kAllowed };

// Reports a name that breaks the pattern and empties it, so that nothing else is said about it.
void check_pattern(std::string& name, const Section& section, std::string_view key, StoreWord store,
                   Problems& problems) {
  if (!section.has(key)) return;
  if (!is_name(name)) {
    problems.error(section.place(key), "`" + std::string(key) + "`: \"" + name +
                                           "\" is no name (expected 1 to 63 characters out of a-z, 0-9 and -)");
    name.clear();
  } else if (store == StoreWord::kReserved && name == kStoreName) {
    problems.error(section.place(key),
                   "`" + std::string(key) + "`: \"store\" is reserved for the event store (expected another name)");
    name.clear();
  }
}

void check_unique(const std::vector<ReadEntry>& entries, std::string_view what, Problems& problems) {
  std::map<std::string_view, const ReadEntry*> first;
  for (const ReadEntry& entry : entries) {
    if (entry.name.empty()) continue;
    const auto [known, is_new] = first.emplace(entry.name, &entry);
    if (is_new) continue;
    std::string message = "two " + std::string(what) + "s are named \"" + entry.name + "\", the first at " +
                          known->second->section.place("name") + " (expected different names)";
    if (!entry.section.has("name")) message = "give the route a `name` of its own: " + message;
    problems.error(entry.section.place("name"), std::move(message));
  }
}

std::vector<std::string_view> names_of(const std::vector<ReadEntry>& entries) {
  std::vector<std::string_view> names;
  for (const ReadEntry& entry : entries) {
    if (!entry.name.empty()) names.push_back(entry.name);
  }
  return names;
}

// Checks of one route against the rest.
class RouteCheck {
 public:
  RouteCheck(const ReadEntry& route, const ReadFile& file, const Declarations& declarations, Problems& problems)
      : route_(route), file_(file), declarations_(declarations), problems_(problems) {}

  void check() {
    check_end("from", route_.from, file_.sources, "source");
    check_end("to", route_.to, file_.sinks, "sink");
    if (route_.from == kStoreName && route_.to == kStoreName) {
      error("to", "a route from the store into the store moves nothing (expected a sink's name)");
    }
    check_start();
    check_retry();
    if (route_.to == kStoreName) {
      check_store_keys();
    } else {
      check_templates();
      check_wire();
    }
    check_renamed();
  }

 private:
  void error(std::string_view key, std::string message) {
    problems_.error(route_.section.place(key), "`" + std::string(key) + "`: " + std::move(message));
  }

  void check_end(std::string_view key, const std::string& name, const std::vector<ReadEntry>& entries,
                 std::string_view what) {
    if (name.empty() || name == kStoreName || find_entry(entries, name) != nullptr) return;
    std::vector<std::string_view> known = names_of(entries);
    known.push_back(kStoreName);
    error(key, "there is no " + std::string(what) + " \"" + name + "\" " + expectation(name, known));
  }

  void check_start() {
    if (!route_.section.has("start") || route_.from == kStoreName || route_.from.empty()) return;
    problems_.warning(route_.section.place("start"),
                      "`start` has no effect: only a route from the store has a checkpoint to start at");
  }

  void check_retry() {
    const auto min = route_.section.integer("retry.min_ms");
    const auto max = route_.section.integer("retry.max_ms");
    if (min && max && *min > *max) {
      const auto key = route_.section.has("retry.max_ms") ? "retry.max_ms" : "retry.min_ms";
      error(key, "max_ms " + std::to_string(*max) + " is below min_ms " + std::to_string(*min) +
                     " (expected max_ms to be at least min_ms)");
    }
  }

  // The store keeps the event as it is: nothing can be mapped on the way in.
  void check_store_keys() {
    for (const std::string_view key : {"key", "headers", "wire"}) {
      if (route_.section.has(key)) {
        error(key, "has no meaning for a route into the store, which keeps events as they are (expected none)");
      }
    }
  }

  void check_templates() {
    if (!declarations_.check_template) return;
    check_template("key", route_.section.text("key"));
    for (const auto& [name, text] : route_.section.text_table("headers")) check_template("headers." + name, text);
    const SinkDeclaration* kind = kind_of_sink();
    if (kind == nullptr) return;
    for (const FieldSpec& field : kind->route_fields) {
      const bool known = field.type == FieldType::kText && field.name != "key";
      if (known) check_template(std::string(field.name), route_.section.text(field.name));
    }
  }

  void check_template(const std::string& key, const std::string& text) {
    if (const auto wrong = declarations_.check_template(text)) error(key, *wrong);
  }

  void check_wire() {
    const SinkDeclaration* kind = kind_of_sink();
    if (kind == nullptr || !route_.section.has("wire")) return;
    const std::string& word = route_.section.text("wire");
    if (std::ranges::find(kind->wires, word) != kind->wires.end()) return;
    error("wire", "unknown wire form \"" + word + "\" for a " + std::string(kind->name) + " sink " +
                      expectation(word, kind->wires));
  }

  void check_renamed() {
    const std::string& old_name = route_.section.text("renamed_from");
    if (old_name.empty()) return;
    if (!is_name(old_name)) {
      error("renamed_from", "\"" + old_name + "\" is no name (expected 1 to 63 characters out of a-z, 0-9 and -)");
    } else if (old_name == route_.name) {
      error("renamed_from", "the route already has this name (expected its former one)");
    } else if (find_entry(file_.routes, old_name) != nullptr) {
      error("renamed_from",
            "route \"" + old_name + "\" still exists and owns that checkpoint (expected the former name)");
    }
  }

  const SinkDeclaration* kind_of_sink() const {
    const ReadEntry* sink = find_entry(file_.sinks, route_.to);
    return sink == nullptr ? nullptr : declarations_.find_sink(sink->kind);
  }

  const ReadEntry& route_;
  const ReadFile& file_;
  const Declarations& declarations_;
  Problems& problems_;
};

void check_one_route_a_source(const ReadFile& file, Problems& problems) {
  std::map<std::string_view, const ReadEntry*> first;
  for (const ReadEntry& route : file.routes) {
    if (route.from.empty() || route.from == kStoreName || find_entry(file.sources, route.from) == nullptr) continue;
    const auto [known, is_new] = first.emplace(route.from, &route);
    if (is_new) continue;
    problems.error(route.section.place("from"),
                   "`from`: source \"" + route.from + "\" already feeds the route at " +
                       known->second->section.place("from") +
                       " (expected one route a source: send it to \"store\" and let further routes start there)");
  }
}

std::string_view key_of_reader(const ReadEntry& source) { return source.kind == "wal" ? "slot" : "table"; }

// What only one source at a time can read; empty where the file doesn't say.
std::string what_it_reads(const ReadEntry& source) {
  const std::string& url = source.section.secret("url").reveal();
  std::string_view named = source.section.text(key_of_reader(source));
  if (source.kind.empty() || url.empty() || named.empty()) return {};
  constexpr std::string_view kDefaultSchema = "public.";
  if (named.starts_with(kDefaultSchema)) named.remove_prefix(kDefaultSchema.size());
  return source.kind + "\n" + url + "\n" + std::string(named);
}

// The second would wait for the first for ever.
void check_one_source_each(const ReadFile& file, Problems& problems) {
  std::map<std::string, const ReadEntry*> readers;
  for (const ReadEntry& source : file.sources) {
    const std::string read = what_it_reads(source);
    if (read.empty()) continue;
    const auto [known, is_new] = readers.emplace(read, &source);
    if (is_new) continue;
    const std::string key(key_of_reader(source));
    problems.error(source.section.place(key), "`" + key + "`: source \"" + known->second->name + "\" reads this " +
                                                  key + " already, and only one can (expected another " + key +
                                                  ", or one source)");
  }
}

void warn_of_unused(const std::vector<ReadEntry>& entries, std::string_view what,
                    const std::set<std::string_view>& used, Problems& problems) {
  for (const ReadEntry& entry : entries) {
    if (entry.name.empty() || used.contains(entry.name)) continue;
    problems.warning(entry.section.place("name"), std::string(what) + " \"" + entry.name + "\" is used by no route");
  }
}

}  // namespace

const ReadEntry* find_entry(const std::vector<ReadEntry>& entries, std::string_view name) {
  const auto found = std::ranges::find(entries, name, &ReadEntry::name);
  return found == entries.end() ? nullptr : &*found;
}

void check_names(ReadFile& file, Problems& problems) {
  for (ReadEntry& source : file.sources) {
    check_pattern(source.name, source.section, "name", StoreWord::kReserved, problems);
  }
  for (ReadEntry& sink : file.sinks) check_pattern(sink.name, sink.section, "name", StoreWord::kReserved, problems);
  for (ReadEntry& route : file.routes) {
    if (route.section.has("name")) {
      check_pattern(route.name, route.section, "name", StoreWord::kAllowed, problems);
      continue;
    }
    if (route.from.empty() || route.to.empty()) continue;
    route.name = route.from + "-to-" + route.to;
    if (route.name.size() <= kLongestName) continue;
    problems.error(route.section.place("name"),
                   "the default name \"" + route.name + "\" is too long (expected a `name` of at most 63 characters)");
    route.name.clear();
  }
  check_unique(file.sources, "source", problems);
  check_unique(file.sinks, "sink", problems);
  check_unique(file.routes, "route", problems);
}

void check_routes(const ReadFile& file, const Declarations& declarations, Problems& problems) {
  for (const ReadEntry& route : file.routes) RouteCheck(route, file, declarations, problems).check();
  check_one_route_a_source(file, problems);
  check_one_source_each(file, problems);
}

void warn_of_unused(const ReadFile& file, Problems& problems) {
  std::set<std::string_view> from, to;
  for (const ReadEntry& route : file.routes) {
    from.insert(route.from);
    to.insert(route.to);
  }
  warn_of_unused(file.sources, "source", from, problems);
  warn_of_unused(file.sinks, "sink", to, problems);
}

}  // namespace penstock::config
