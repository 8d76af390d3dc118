#include "cli/config_sample.h"

#include <algorithm>

#include "cli/catalogue.h"
#include "config/nearest.h"
#include "config/tables.h"
#include "config/toml_text.h"

namespace penstock::cli {
namespace {

// Values to begin with, for keys that have no default and must be there.
struct Example {
  std::string_view kind, key, value;
};

constexpr Example kExamples[] = {
    {"outbox", "url", R"("postgresql://penstock@localhost:5432/shop")"},
    {"outbox", "table", R"("public.outbox")"},
    {"outbox", "order_by", R"("seq")"},
    {"wal", "url", R"("postgresql://penstock@localhost:5432/shop")"},
    {"wal", "table", R"("public.outbox")"},
    {"kafka", "brokers", R"(["localhost:9092"])"},
    {"rabbitmq", "url", R"("amqp://localhost:5672/")"},
    {"rabbitmq", "exchange", R"("events")"},
};

std::string_view example_of(std::string_view kind, std::string_view key) {
  const auto found =
      std::ranges::find_if(kExamples, [&](const Example& one) { return one.kind == kind && one.key == key; });
  return found == std::end(kExamples) ? std::string_view() : found->value;
}

// A default as TOML: declarations may leave the quotes of a string out.
std::string value_text(const FieldSpec& field) {
  const std::string_view text = field.default_text;
  const bool is_number = field.type == FieldType::kInteger || field.type == FieldType::kBoolean;
  const bool in_form = !text.empty() && (text.front() == '"' || text.front() == '[');
  if (is_number || in_form) return std::string(text);
  return config::toml_quoted(text);
}

// What a key without a default looks like, for a comment.
std::string_view shape_of(FieldType type) {
  switch (type) {
    case FieldType::kTextList: return "[]";
    case FieldType::kTextTable:
    case FieldType::kScalarTable:
    case FieldType::kColumns: return "{}";
    case FieldType::kInteger:
    case FieldType::kBytes: return "0";
    case FieldType::kBoolean: return "false";
    case FieldType::kListen: return R"("127.0.0.1:26543")";
    default: return R"("")";
  }
}

class Sample {
 public:
  void line(std::string_view text) { text_.append(text).append("\n"); }

  void set(std::string_view key, std::string_view value, std::string_view help) { assign("", key, value, help); }

  // A key that may stay out.
  void offer(const FieldSpec& field, const std::string& prefix = "") {
    const std::string key = prefix + std::string(field.name);
    if (field.type == FieldType::kTable) {
      for (const FieldSpec& member : field.members) offer(member, key + ".");
      return;
    }
    assign("# ", key, field.default_text.empty() ? std::string(shape_of(field.type)) : value_text(field), field.help);
  }

  // Keys of a kind: what must be there with an example, what may stay out as a comment.
  void offer_all(std::string_view kind, std::span<const FieldSpec> fields) {
    for (const FieldSpec& field : fields) {
      const std::string_view example = example_of(kind, field.name);
      if (!example.empty()) {
        set(field.name, example, field.help);
      } else if (field.presence == FieldSpec::Presence::kRequired) {
        set(field.name, R"("change-me")", field.help);
      } else {
        offer(field);
      }
    }
  }

  std::string finish() && { return std::move(text_); }

 private:
  void assign(std::string_view mark, std::string_view key, std::string_view value, std::string_view help) {
    constexpr std::size_t kHelpColumn = 44;
    std::string line = std::string(mark).append(key).append(" = ").append(value);
    if (line.size() < kHelpColumn) line.resize(kHelpColumn, ' ');
    text_.append(line).append("  # ").append(help).append("\n");
  }

  std::string text_;
};

template <typename Kind>
std::string unknown_kind(std::string_view what, std::string_view word, std::span<const Kind* const> kinds) {
  std::vector<std::string_view> known;
  for (const Kind* kind : kinds) known.push_back(kind->name);
  return "there is no kind of " + std::string(what) + " \"" + std::string(word) + "\" " +
         config::expectation(word, known);
}

void offer_global_tables(Sample& sample) {
  for (const config::GlobalTable& table : config::global_tables()) {
    sample.line("[" + std::string(table.name) + "]");
    for (const FieldSpec& field : table.fields) sample.offer(field);
    sample.line("");
  }
}

void offer_sink(Sample& sample, const connectors::SinkKind& kind) {
  sample.line("[[sink]]");
  sample.set("name", config::toml_quoted(kind.name), "Name of the sink.");
  sample.set("kind", config::toml_quoted(kind.name), kind.title);
  sample.offer_all(kind.name, kind.sink_fields);
  sample.line("");
}

void offer_route(Sample& sample, const connectors::SinkKind& kind) {
  sample.line("[[route]]");
  sample.set("from", R"("store")", "A source, or the store.");
  sample.set("to", config::toml_quoted(kind.name), "A sink, or the store.");
  for (const FieldSpec& field : kind.route_fields) sample.offer(field);
  for (const FieldSpec& field : config::route_fields()) {
    if (field.name != "from" && field.name != "to") sample.offer(field);
  }
  sample.line("");
}

}  // namespace

tl::expected<std::string, std::string> make_config_sample(const std::string& source_kind,
                                                          std::vector<std::string> sink_kinds) {
  if (sink_kinds.empty()) sink_kinds.emplace_back("console");
  const connectors::SourceKind* source = find_source_kind(source_kind);
  if (source == nullptr) return tl::unexpected(unknown_kind("source", source_kind, source_kinds()));
  std::vector<const connectors::SinkKind*> sinks;
  for (const std::string& word : sink_kinds) {
    const connectors::SinkKind* sink = find_sink_kind(word);
    if (sink == nullptr) return tl::unexpected(unknown_kind("sink", word, penstock::cli::sink_kinds()));
    if (std::ranges::find(sinks, sink) == sinks.end()) sinks.push_back(sink);
  }

  Sample sample;
  sample.line("# Penstock. Check this file with `penstock validate --offline`, then without --offline.");
  sample.line("# Any string may be { env = \"NAME\" } or { file = \"path\" }.");
  sample.line("");
  offer_global_tables(sample);
  sample.line("[[source]]");
  sample.set("name", R"("orders")", "Name of the source.");
  sample.set("kind", config::toml_quoted(source->name), source->title);
  sample.offer_all(source->name, source->fields);
  sample.line("");
  for (const auto* sink : sinks) offer_sink(sample, *sink);
  sample.line("[[route]]");
  sample.set("from", R"("orders")", "The source above.");
  sample.set("to", R"("store")", "Into the event store, which gives every event its position.");
  sample.line("");
  for (const auto* sink : sinks) offer_route(sample, *sink);
  return std::move(sample).finish();
}

}  // namespace penstock::cli
