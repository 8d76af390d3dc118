// What a connector tells the rest of the program about itself: one SinkKind or SourceKind a folder,
// listed by hand in cli/catalogue.cc. Everything else finds its way from here.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/on_lost_tail.h"
#include "connectors/section.h"
#include "connectors/sink.h"
#include "connectors/source.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/random.h"
#include "core/source_checkpoints.h"
#include "core/source_gaps.h"

namespace penstock::connectors {

// What `penstock validate` found by trying.
struct Finding {
  enum class Severity { kOk, kWarning, kError };
  Severity severity;
  std::string subject;  // "sink kafka: topic outbox.event.order"
  std::string message;
  std::string fix;  // the command or statement that mends it; empty for kOk
};

// What a connector may use of the program; all outlive it.
struct Surroundings {
  const Clock& clock;
  Random& random;
  Log& log;
  std::string instance;  // unique per process, for application_name and client.id
};

// Templates of a route, before they are parsed: text with {placeholders}.
struct RouteTemplates {
  std::string destination;
  std::string routing_key;  // empty where the sink has none
  std::string key = "{key}";
};

// What bounds a sink: of the route's window, and of one event.
struct SinkLimits {
  std::size_t window_bytes;
  std::size_t event_bytes;
};

// The one route that a sink is made for.
struct SinkRoute {
  std::string_view name;
  RouteTemplates templates;
  SinkLimits limits;
};

struct SinkKind {
  std::string_view name;                              // word in `kind =`
  std::string_view title;                             // for people
  std::span<const FieldSpec> sink_fields;             // over name and kind
  std::span<const FieldSpec> route_fields;            // keys of a route to such a sink (topic, exchange …)
  std::span<const WireProfile* const> wire_profiles;  // the first is the default

  // Offline check of what FieldSpecs can't say.
  std::vector<SectionError> (*check)(const Section& sink);
  // The same of a route to such a sink; null where there is nothing to say.
  std::vector<SectionError> (*check_route)(const Section& route) = nullptr;
  RouteTemplates (*templates)(const Section& sink, const Section& route);
  Result<std::unique_ptr<Sink>> (*make)(const Section& sink, const SinkRoute& route, const Surroundings& surroundings,
                                        OutcomeListener& listener);
  // Tries broker, topics, exchanges; read-only. `destinations` without placeholders only.
  std::vector<Finding> (*inspect)(const Section& sink, std::span<const RouteTemplates> routes, std::size_t event_bytes,
                                  Deadline deadline);
};

// The one route that a source is made for.
struct SourceRoute {
  std::string_view source_name;
  std::string_view name;
  std::size_t event_bytes;         // limit of one event's data
  SourceCheckpoints& checkpoints;  // outlives the source, as do the gap records
  SourceGaps& gaps;
  OnLostTail on_lost_tail = OnLostTail::kStop;
};

struct SourceKind {
  std::string_view name;
  std::string_view title;
  std::span<const FieldSpec> fields;
  std::vector<SectionError> (*check)(const Section& source);
  Result<std::unique_ptr<Source>> (*make)(const Section& source, const SourceRoute& route,
                                          const Surroundings& surroundings);
  std::vector<Finding> (*inspect)(const Section& source, Deadline deadline);
};

}  // namespace penstock::connectors
