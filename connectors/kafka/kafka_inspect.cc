#include "connectors/kafka/kafka_inspect.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <set>
#include <string>

#include "connectors/kafka/kafka_errors.h"
#include "connectors/kafka/kafka_settings.h"
#include "connectors/kafka/producer_conf.h"

namespace penstock::kafka {
namespace {

using connectors::Finding;
using Severity = Finding::Severity;
using std::chrono::milliseconds;

constexpr int kSliceMs = 250;
constexpr const char* kSizeLimit = "max.message.bytes";

using AdminOptions = std::unique_ptr<rd_kafka_AdminOptions_t, FreedBy<rd_kafka_AdminOptions_destroy>>;
using ConfigResource = std::unique_ptr<rd_kafka_ConfigResource_t, FreedBy<rd_kafka_ConfigResource_destroy>>;

// A client that only looks, and what it said about its connections.
struct Viewer {
  Handle client;
  Queue events;
  std::optional<Error> trouble;

  // Errors that the client raised meanwhile; the one about credentials explains the most.
  void hear_errors() {
    while (const EventHandle event{rd_kafka_queue_poll(events.get(), 0)}) {
      if (rd_kafka_event_type(event.get()) != RD_KAFKA_EVENT_ERROR) continue;
      const auto code = rd_kafka_event_error(event.get());
      if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN || code == RD_KAFKA_RESP_ERR_NO_ERROR) continue;
      if (trouble && trouble->kind() == ErrorKind::kUnauthorized) continue;
      trouble = Error(*verdict_on(code).code, rd_kafka_event_error_string(event.get()));
    }
  }
};

Result<Viewer> make_viewer(const KafkaSettings& settings) {
  auto conf = viewer_conf(settings);
  if (!conf) return fail(std::move(conf.error()));
  rd_kafka_conf_set_events(conf->get(), RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_LOG);
  auto client = new_client(RD_KAFKA_PRODUCER, std::move(*conf));
  if (!client) return fail(std::move(client.error()));
  Viewer viewer{std::move(*client), nullptr, std::nullopt};
  viewer.events.reset(rd_kafka_queue_get_main(viewer.client.get()));
  rd_kafka_set_log_queue(viewer.client.get(), viewer.events.get());
  return viewer;
}

// All topics: asking for one by name could create it.
Result<Metadata> list_topics(Viewer& viewer, const std::string& brokers, Deadline deadline) {
  for (;;) {
    const struct rd_kafka_metadata* found = nullptr;
    const auto wait = std::clamp<std::int64_t>(deadline.remaining().count(), 1, kSliceMs);
    const auto error = rd_kafka_metadata(viewer.client.get(), 1, nullptr, &found, static_cast<int>(wait));
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return Metadata(found);
    viewer.hear_errors();
    const bool refused = viewer.trouble && viewer.trouble->kind() == ErrorKind::kUnauthorized;
    if (!refused && !deadline.expired()) continue;
    if (viewer.trouble) return fail(*viewer.trouble);
    return fail(error_of(error, "no broker of " + brokers + " answers"));
  }
}

const rd_kafka_metadata_topic_t* find_topic(const struct rd_kafka_metadata& metadata, const std::string& name) {
  const rd_kafka_metadata_topic_t* const begin = metadata.topics;
  const auto* const end = begin + metadata.topic_cnt;
  const auto* found = std::find_if(begin, end, [&](const auto& topic) { return name == topic.topic; });
  return found == end ? nullptr : found;
}

std::optional<std::int64_t> number_in(const char* text) {
  const std::string_view digits = text == nullptr ? "" : text;
  std::int64_t number = 0;
  const auto end = digits.data() + digits.size();
  const auto parsed = std::from_chars(digits.data(), end, number);
  return parsed.ec == std::errc() && parsed.ptr == end ? std::optional(number) : std::nullopt;
}

std::optional<std::int64_t> limit_in(const rd_kafka_DescribeConfigs_result_t* result) {
  std::size_t resources = 0;
  const auto** described = rd_kafka_DescribeConfigs_result_resources(result, &resources);
  if (resources != 1 || rd_kafka_ConfigResource_error(described[0]) != RD_KAFKA_RESP_ERR_NO_ERROR) return std::nullopt;
  std::size_t entries = 0;
  const auto** configs = rd_kafka_ConfigResource_configs(described[0], &entries);
  for (std::size_t i = 0; i < entries; ++i) {
    if (std::string_view(rd_kafka_ConfigEntry_name(configs[i])) == kSizeLimit) {
      return number_in(rd_kafka_ConfigEntry_value(configs[i]));
    }
  }
  return std::nullopt;
}

// Empty when the cluster doesn't say, for want of rights or of the request.
std::optional<std::int64_t> record_limit_of(rd_kafka_t* client, const std::string& topic, Deadline deadline) {
  const auto wait = static_cast<int>(std::max<std::int64_t>(deadline.remaining().count(), 1));
  const AdminOptions options(rd_kafka_AdminOptions_new(client, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS));
  std::array<char, 256> reason{};
  rd_kafka_AdminOptions_set_request_timeout(options.get(), wait, reason.data(), reason.size());
  const ConfigResource resource(rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic.c_str()));
  const Queue answers(rd_kafka_queue_new(client));
  rd_kafka_ConfigResource_t* resources[] = {resource.get()};
  rd_kafka_DescribeConfigs(client, resources, 1, options.get(), answers.get());
  const EventHandle answer(rd_kafka_queue_poll(answers.get(), wait));
  const auto* result = answer ? rd_kafka_event_DescribeConfigs_result(answer.get()) : nullptr;
  return result != nullptr ? limit_in(result) : std::nullopt;
}

std::string counted(int count, const std::string& what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

std::string fix_of(const Error& error) { return std::string(error.code().hint); }

void look_at_limit(rd_kafka_t* client, const KafkaSettings& settings, const std::string& topic, std::size_t event_bytes,
                   Deadline deadline, std::vector<Finding>& findings) {
  const std::string subject = "topic " + topic;
  const auto limit = record_limit_of(client, topic, deadline);
  if (!limit) {
    findings.push_back({Severity::kWarning, subject,
                        "its max.message.bytes can't be read; events may be refused for size",
                        "kafka-acls.sh --bootstrap-server " + settings.brokers +
                            " --add --allow-principal User:<name> --operation DescribeConfigs --topic " + topic});
    return;
  }
  const int needed = record_limit(event_bytes);
  if (*limit >= needed) return;
  const std::string wanted = std::to_string(needed);
  findings.push_back({Severity::kWarning, subject,
                      "takes records of " + std::to_string(*limit) + " bytes; the largest event needs " + wanted,
                      "kafka-configs.sh --bootstrap-server " + settings.brokers +
                          " --alter --entity-type topics --entity-name " + topic +
                          " --add-config max.message.bytes=" + wanted});
}

void look_at_topic(rd_kafka_t* client, const KafkaSettings& settings, const struct rd_kafka_metadata& metadata,
                   const std::string& name, std::size_t event_bytes, Deadline deadline,
                   std::vector<Finding>& findings) {
  const std::string subject = "topic " + name;
  const auto* topic = find_topic(metadata, name);
  if (topic == nullptr || topic->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
    findings.push_back(
        {Severity::kError, subject, "does not exist, or this client may not see it",
         "kafka-topics.sh --bootstrap-server " + settings.brokers + " --create --topic " + name + " --partitions 8"});
    return;
  }
  if (topic->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    const Error error = error_of(topic->err, subject);
    findings.push_back({Severity::kError, subject, error.message(), fix_of(error)});
    return;
  }
  findings.push_back({Severity::kOk, subject, counted(topic->partition_cnt, "partition"), {}});
  look_at_limit(client, settings, name, event_bytes, deadline, findings);
}

}  // namespace

std::vector<Finding> inspect(const Section& sink, std::span<const connectors::RouteTemplates> routes,
                             std::size_t event_bytes, Deadline deadline) {
  std::vector<Finding> findings;
  const KafkaSettings settings = read_settings(sink);
  const std::string subject = "brokers " + settings.brokers;
  auto viewer = make_viewer(settings);
  if (!viewer) {
    findings.push_back({Severity::kError, subject, viewer.error().message(), fix_of(viewer.error())});
    return findings;
  }
  auto metadata = list_topics(*viewer, settings.brokers, deadline);
  if (!metadata) {
    findings.push_back({Severity::kError, subject, metadata.error().message(), fix_of(metadata.error())});
    return findings;
  }
  findings.push_back(
      {Severity::kOk,
       subject,
       counted((*metadata)->broker_cnt, "broker") + ((*metadata)->broker_cnt == 1 ? " answers" : " answer"),
       {}});

  std::set<std::string> topics;
  for (const auto& route : routes) {
    if (route.destination.find('{') == std::string::npos) topics.insert(route.destination);
  }
  for (const std::string& topic : topics) {
    look_at_topic(viewer->client.get(), settings, **metadata, topic, event_bytes, deadline, findings);
  }
  return findings;
}

}  // namespace penstock::kafka
