#include "cli/catalogue.h"

#include <algorithm>

#include "cli/composition.h"
#include "connectors/console/console_sink.h"
#include "connectors/header_names.h"
#include "connectors/kafka/kafka_sink.h"
#include "connectors/outbox/outbox_source.h"
#include "connectors/rabbitmq/rabbitmq_sink.h"
#include "connectors/wal/wal_source.h"
#include "relay/mapping/template.h"

namespace penstock::cli {
namespace {

const connectors::WireProfile& wire_of(const connectors::SinkKind& kind, const Section& route) {
  const auto named = std::ranges::find(kind.wire_profiles, route.text("wire"), &connectors::WireProfile::name);
  return named == kind.wire_profiles.end() ? *kind.wire_profiles.front() : **named;
}

template <typename Kind>
const Kind* find_kind(std::span<const Kind* const> kinds, std::string_view name) {
  const auto found = std::ranges::find(kinds, name, [](const Kind* kind) { return kind->name; });
  return found == kinds.end() ? nullptr : *found;
}

config::SourceDeclaration declaration_of(const connectors::SourceKind& kind) {
  return {kind.name, kind.title, kind.fields, kind.check};
}

std::vector<SectionError> check_route(const connectors::SinkKind& kind, const Section& route) {
  std::vector<SectionError> errors;
  if (kind.check_route != nullptr) errors = kind.check_route(route);
  if (kind.wire_profiles.empty()) return errors;
  for (SectionError& error : connectors::check_header_names(route, wire_of(kind, route)))
    errors.push_back(std::move(error));
  return errors;
}

config::SinkDeclaration declaration_of(const connectors::SinkKind& kind) {
  config::SinkDeclaration declaration{kind.name, kind.title, kind.sink_fields, kind.route_fields, {}, kind.check, {}};
  declaration.check_route = [&kind](const Section& route) { return check_route(kind, route); };
  for (const connectors::WireProfile* wire : kind.wire_profiles) declaration.wires.push_back(wire->name());
  return declaration;
}

std::optional<std::string> check_template(std::string_view text) {
  const auto parsed = relay::parse_template(text);
  return parsed ? std::nullopt : std::optional(parsed.error().message);
}

std::vector<SectionError> check_store(const Section& store) {
  const Status known = check_store_url(store.secret("url"));
  return known ? std::vector<SectionError>{} : std::vector{SectionError{store.place("url"), known.error().message()}};
}

config::Declarations make_declarations() {
  config::Declarations all;
  all.check_store = check_store;
  for (const auto* kind : source_kinds()) all.sources.push_back(declaration_of(*kind));
  for (const auto* kind : sink_kinds()) all.sinks.push_back(declaration_of(*kind));
  all.check_template = check_template;
  return all;
}

}  // namespace

std::span<const connectors::SourceKind* const> source_kinds() {
  static const connectors::SourceKind* const kKinds[] = {&outbox::source_kind(), &wal::source_kind()};
  return kKinds;
}

std::span<const connectors::SinkKind* const> sink_kinds() {
  static const connectors::SinkKind* const kKinds[] = {&kafka::sink_kind(), &rabbitmq::sink_kind(),
                                                       &console::sink_kind()};
  return kKinds;
}

const connectors::SourceKind* find_source_kind(std::string_view name) { return find_kind(source_kinds(), name); }
const connectors::SinkKind* find_sink_kind(std::string_view name) { return find_kind(sink_kinds(), name); }

const config::Declarations& declarations() {
  static const config::Declarations kDeclarations = make_declarations();
  return kDeclarations;
}

}  // namespace penstock::cli
