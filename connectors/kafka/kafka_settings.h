// What an operator can set on a Kafka sink, and what not.
//
// `[sink.options]` goes to librdkafka as it is, except the properties that a promise of Penstock
// stands on: those are refused by name, each with its reason. What librdkafka doesn't know or can't
// parse is refused too.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/section.h"

namespace penstock::kafka {

struct KafkaSettings {
  std::string brokers;  // comma-separated
  std::map<std::string, std::string> options;
  // The client keeps some kilobytes for every topic that it has ever written to; no key of the configuration.
  std::size_t most_topics = 2'000;
};

std::span<const FieldSpec> sink_fields();
std::span<const FieldSpec> route_fields();

// Everything that is wrong with a section, offline. Never shows a value that may be secret.
std::vector<SectionError> check_settings(const Section& sink);
// The same of a route to such a sink.
std::vector<SectionError> check_route(const Section& route);

// Of a section that check_settings found nothing wrong with.
KafkaSettings read_settings(const Section& sink);

// Why a librdkafka property may not be set; empty if it may.
std::string_view why_refused(std::string_view property);

// Whether the value of a librdkafka property must not be shown.
bool is_secret_property(std::string_view property);

}  // namespace penstock::kafka
