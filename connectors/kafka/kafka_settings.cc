#include "connectors/kafka/kafka_settings.h"

#include <algorithm>
#include <array>

#include "connectors/kafka/handles.h"

namespace penstock::kafka {
namespace {

constexpr FieldSpec kSinkFields[] = {
    {.name = "brokers",
     .type = FieldType::kTextList,
     .presence = FieldSpec::Presence::kRequired,
     .help = "Addresses to find the cluster by, as host:port."},
    {.name = "options",
     .type = FieldType::kScalarTable,
     .help = "librdkafka properties, passed through; those that would break a promise are refused."},
};

constexpr FieldSpec kRouteFields[] = {
    {.name = "topic",
     .type = FieldType::kText,
     .default_text = "outbox.event.{category}",
     .help = "Topic of an event; placeholders in braces."},
};

struct Refusal {
  std::string_view property;
  std::string_view reason;
};

constexpr std::string_view kOrder = "order and absence of gaps rest on it";
constexpr std::string_view kAcks = "an event counts as delivered only when all in-sync replicas have it";
constexpr std::string_view kWindow = "the queue is bounded by max_in_flight and max_in_flight_bytes of the route";
constexpr std::string_view kForever = "an event is tried until the broker has it or refuses it";
constexpr std::string_view kBrokers = "the cluster is named by `brokers`";
constexpr std::string_view kOutcomes = "outcomes of events would be lost";
constexpr std::string_view kMock = "events would go to a broker that forgets them";
constexpr std::string_view kForeignCode = "it loads foreign code into the program";

constexpr Refusal kRefused[] = {
    {"acks", kAcks},
    {"bootstrap.servers", kBrokers},
    {"delivery.report.only.error", kOutcomes},
    {"delivery.timeout.ms", kForever},
    {"enable.gapless.guarantee", kOrder},
    {"enable.idempotence", kOrder},
    {"interceptors", kForeignCode},
    {"log.queue", "the program reads the client's log itself"},
    {"max.in.flight", kOrder},
    {"max.in.flight.requests.per.connection", kOrder},
    {"message.max.bytes", "it follows [limits] event_bytes"},
    {"message.send.max.retries", kForever},
    {"message.timeout.ms", kForever},
    {"metadata.broker.list", kBrokers},
    {"partitioner", "a key must stay in its partition, the one that Java clients choose"},
    {"plugin.library.paths", kForeignCode},
    {"queue.buffering.backpressure.threshold", kWindow},
    {"queue.buffering.max.kbytes", kWindow},
    {"queue.buffering.max.messages", kWindow},
    {"queuing.strategy", kOrder},
    {"reconnect.backoff.max.ms", "a broker that is back must be found within seconds"},
    {"request.required.acks", kAcks},
    {"retries", kForever},
    {"test.mock.broker.rtt", kMock},
    {"test.mock.num.brokers", kMock},
    {"transaction.timeout.ms", "Penstock opens no transactions"},
    {"transactional.id", "Penstock opens no transactions"},
};

constexpr std::size_t kLongestTopic = 249;

bool is_topic_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

std::string quoted(std::string_view text) { return "\"" + std::string(text) + "\""; }

SectionError error_at(const Section& sink, const std::string& option, std::string message) {
  return {sink.place("options." + option), std::move(message)};
}

void check_brokers(const Section& sink, std::vector<SectionError>& errors) {
  const auto& brokers = sink.text_list("brokers");
  if (brokers.empty()) errors.push_back({sink.place("brokers"), "brokers names no address; expected [\"host:port\"]"});
  for (const std::string& broker : brokers) {
    const bool usable = !broker.empty() && broker.find_first_of(", \t\r\n") == std::string::npos;
    if (!usable)
      errors.push_back({sink.place("brokers"), quoted(broker) + " is no broker address; expected host:port"});
  }
}

void check_option(const Section& sink, const std::string& name, const std::string& value, rd_kafka_conf_t* scratch,
                  std::vector<SectionError>& errors) {
  if (const auto reason = why_refused(name); !reason.empty()) {
    errors.push_back(error_at(sink, name, quoted(name) + " can't be set here: " + std::string(reason)));
    return;
  }
  std::array<char, 512> reason{};
  switch (rd_kafka_conf_set(scratch, name.c_str(), value.c_str(), reason.data(), reason.size())) {
    case RD_KAFKA_CONF_OK: return;
    case RD_KAFKA_CONF_UNKNOWN:
      errors.push_back(error_at(sink, name, quoted(name) + " is no property of librdkafka"));
      return;
    case RD_KAFKA_CONF_INVALID: break;
  }
  const std::string detail = is_secret_property(name) ? "the value is refused" : reason.data();
  errors.push_back(error_at(sink, name, quoted(name) + ": " + detail));
}

}  // namespace

std::span<const FieldSpec> sink_fields() { return kSinkFields; }
std::span<const FieldSpec> route_fields() { return kRouteFields; }

std::string_view why_refused(std::string_view property) {
  const auto* found = std::find_if(std::begin(kRefused), std::end(kRefused),
                                   [&](const Refusal& refusal) { return refusal.property == property; });
  return found == std::end(kRefused) ? std::string_view() : found->reason;
}

bool is_secret_property(std::string_view property) {
  constexpr std::string_view kMarks[] = {"password", "secret", "key", "token", "jaas", "pem", "config", "username"};
  return std::any_of(std::begin(kMarks), std::end(kMarks),
                     [&](std::string_view mark) { return property.find(mark) != std::string_view::npos; });
}

std::vector<SectionError> check_settings(const Section& sink) {
  std::vector<SectionError> errors;
  check_brokers(sink, errors);
  const Conf scratch(rd_kafka_conf_new());
  for (const auto& [name, value] : sink.text_table("options")) {
    check_option(sink, name, value, scratch.get(), errors);
  }
  return errors;
}

// A character that stands outside of every placeholder ends up in every topic.
std::vector<SectionError> check_route(const Section& route) {
  const auto refuse = [&route](const std::string& why) {
    return std::vector{SectionError{
        route.place("topic"), "topic: " + why + " (expected letters, digits, . _ - and {placeholders}, 249 in all)"}};
  };
  bool is_literal = true;
  std::size_t literals = 0;
  for (const char c : route.text("topic")) {
    if (c == '{' || c == '}') {
      is_literal = c == '}';
    } else if (is_literal) {
      ++literals;
      if (!is_topic_character(c)) return refuse("no topic can be named like this");
    }
  }
  if (literals > kLongestTopic) return refuse("the name is too long for a topic");
  if (route.has("topic") && route.text("topic").empty()) return refuse("the name is empty");
  return {};
}

KafkaSettings read_settings(const Section& sink) {
  KafkaSettings settings;
  for (const std::string& broker : sink.text_list("brokers")) {
    if (!settings.brokers.empty()) settings.brokers += ',';
    settings.brokers += broker;
  }
  settings.options = sink.text_table("options");
  return settings;
}

}  // namespace penstock::kafka
