#include "tests/unit/config/declarations_for_tests.h"

namespace penstock::tests {
namespace {

using enum FieldType;
constexpr auto kRequired = FieldSpec::Presence::kRequired;
constexpr auto kOptional = FieldSpec::Presence::kOptional;
constexpr std::string_view kPolicies[] = {"delete"};

constexpr FieldSpec kOutboxFields[] = {
    {"url", kUrl, kRequired, {}, "Database of the source."},
    {"table", kText, kRequired, {}, "The outbox table."},
    {"policy", kWord, kOptional, "delete", "What becomes of settled rows.", kPolicies},
    {.name = "batch", .type = kInteger, .default_text = "500", .help = "Rows a poll.", .minimum = 1, .maximum = 10'000},
    {"listen", kBoolean, kOptional, "false", "Whether to wait for notifications."},
    {"columns", kColumns, kOptional, {}, "Columns of the table."},
};

constexpr FieldSpec kKafkaFields[] = {
    {"brokers", kTextList, kRequired, {}, "Addresses of brokers."},
    {"options", kScalarTable, kOptional, {}, "Properties of the client."},
};
constexpr FieldSpec kKafkaRouteFields[] = {
    {"topic", kText, kOptional, "outbox.event.{category}", "Template of the topic."},
};
constexpr FieldSpec kRabbitFields[] = {
    {"url", kUrl, kRequired, {}, "Address of the broker."},
    {"password", kSecret, kOptional, {}, "Password."},
};
constexpr FieldSpec kRabbitRouteFields[] = {
    {"routing_key", kText, kOptional, "\"{category}.{type}\"", "Template of the routing key."},
};

std::vector<SectionError> refuse_table_named_bad(const Section& section) {
  if (section.text("table") != "bad") return {};
  return {{section.place("table"), "this table is bad"}};
}

std::optional<std::string> check_template(std::string_view text) {
  if (text.find("{nope}") == std::string_view::npos) return std::nullopt;
  return "unknown placeholder {nope}";
}

}  // namespace

const config::Declarations& declarations_for_tests() {
  static const config::Declarations kDeclarations{
      {{"outbox", "outbox table", kOutboxFields, refuse_table_named_bad}},
      {{"kafka", "Kafka", kKafkaFields, kKafkaRouteFields, {"native"}, {}},
       {"rabbitmq", "RabbitMQ", kRabbitFields, kRabbitRouteFields, {"native"}, {}},
       {"console", "standard output", {}, {}, {}, {}}},
      check_template};
  return kDeclarations;
}

config::Loaded load_for_test(std::string_view text, config::LoadRequest request) {
  request.path = "t.toml";
  return config::load_text(text, request, declarations_for_tests());
}

std::string lines_of(const config::Loaded& loaded) {
  std::string lines;
  for (const config::Problem& problem : loaded.problems) lines += to_string(problem) + "\n";
  return lines;
}

}  // namespace penstock::tests
