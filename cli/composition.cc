#include "cli/composition.h"

#include <unistd.h>

#include <array>
#include <charconv>
#include <memory>

#include "cli/catalogue.h"
#include "connectors/outbox/outbox_source.h"
#include "connectors/store/store_sink.h"
#include "connectors/store/store_source.h"
#include "core/invariant.h"
#include "store/gaps_of_sources.h"
#include "store/postgres/postgres_store.h"
#include "store/postgres/postgres_transfer.h"
#include "store/postgres/session.h"
#include "store/sqlite/sqlite_store.h"
#include "store/sqlite/sqlite_transfer.h"

namespace penstock::cli {
namespace {

using config::kStoreName;

relay::OnReject on_reject_of(std::string_view word) {
  if (word == "park_event") return relay::OnReject::kParkEvent;
  return word == "skip" ? relay::OnReject::kSkip : relay::OnReject::kStop;
}

connectors::OnLostTail on_lost_tail_of(const Section& route) {
  return route.text("on_lost_tail") == "continue" ? connectors::OnLostTail::kContinue : connectors::OnLostTail::kStop;
}

relay::Start start_of(const std::string& text) {
  if (text.empty() || text == "earliest") return relay::Earliest{};
  if (text == "latest") return relay::Latest{};
  std::int64_t position = 0;
  std::from_chars(text.data(), text.data() + text.size(), position);
  return Position{position};
}

// Events after this position; empty = after the head. `start` itself names the first event.
std::optional<Position> start_after_of(const relay::Start& start) {
  if (std::holds_alternative<relay::Latest>(start)) return std::nullopt;
  if (const auto* first = std::get_if<Position>(&start)) return Position{first->value - 1};
  return Position{0};
}

relay::RouteSettings route_settings_of(const config::Settings& settings, const config::Route& route) {
  const Section& section = route.section;
  relay::RouteSettings result;
  result.name = route.name;
  result.from = route.from;
  result.to = route.to;
  result.filter = {section.text_list("filter.category"), section.text_list("filter.type")};
  if (route.to != kStoreName) result.templates = templates_of(settings, route);
  result.headers = section.text_table("headers");
  result.start = start_of(section.text("start"));
  result.order = section.text("order") == "pipelined" ? relay::Order::kPipelined : relay::Order::kStrict;
  result.on_reject = on_reject_of(section.text("on_reject"));
  result.attempts = static_cast<std::uint32_t>(*section.integer("attempts"));
  result.retry = {std::chrono::milliseconds(*section.integer("retry.min_ms")),
                  std::chrono::milliseconds(*section.integer("retry.max_ms"))};
  result.max_in_flight = static_cast<std::size_t>(*section.integer("max_in_flight"));
  result.max_in_flight_bytes = static_cast<std::size_t>(*section.integer("max_in_flight_bytes"));
  result.renamed_from = section.text("renamed_from");
  return result;
}

const connectors::WireProfile* wire_of(const connectors::SinkKind& kind, const Section& route) {
  if (kind.wire_profiles.empty()) return nullptr;
  if (!route.has("wire")) return kind.wire_profiles.front();
  for (const connectors::WireProfile* profile : kind.wire_profiles) {
    if (profile->name() == route.text("wire")) return profile;
  }
  return kind.wire_profiles.front();
}

// Of the outboxes that routes lead from.
std::shared_ptr<outbox::SourceSessions> make_source_sessions(const config::Settings& settings) {
  std::vector<const Section*> sections;
  for (const config::Route& route : settings.routes)
    if (const config::Endpoint* source = settings.find_source(route.from))
      if (find_source_kind(source->kind) == &outbox::source_kind()) sections.push_back(&source->section);
  return outbox::make_source_sessions(sections);
}

std::string kind_of(const config::Endpoint* end) { return end == nullptr ? std::string(kStoreName) : end->kind; }

// Fills in how the source of a route is made.
void plan_source(relay::RoutePlan& plan, const config::Settings& settings, const Section& route_section,
                 store::Store& store, const connectors::Surroundings& surroundings,
                 const std::shared_ptr<outbox::SourceSessions>& sessions) {
  const relay::RouteSettings& route = plan.settings;
  const auto on_lost_tail = on_lost_tail_of(route_section);
  plan.source_name = route.from;
  if (route.from == kStoreName) {
    plan.make_source = [route, on_lost_tail, &store,
                        &log = surroundings.log]() -> Result<std::unique_ptr<connectors::Source>> {
      connectors::StoreSourceSettings wanted{route.name, route.renamed_from, route.filter, start_after_of(route.start),
                                             on_lost_tail};
      return connectors::make_store_source(std::move(wanted), store.log(), store.checkpoints(), store.gaps(), log);
    };
    return;
  }
  const config::Endpoint* source = settings.find_source(route.from);
  INVARIANT(source != nullptr, "config has checked the names of routes' ends");
  const connectors::SourceKind* kind = find_source_kind(source->kind);
  INVARIANT(kind != nullptr, "config has checked the kinds");
  plan.make_source = [source, kind, name = route.name, bytes = settings.limits.event_bytes, on_lost_tail, &store,
                      &surroundings, sessions, gaps = std::make_shared<store::GapsOfSources>(store.gaps())] {
    const connectors::SourceRoute source_route{source->name, name,        bytes, store.source_checkpoints(),
                                               *gaps,        on_lost_tail};
    if (kind == &outbox::source_kind())
      return outbox::make_outbox_source(source->section, source_route, surroundings, sessions.get());
    return kind->make(source->section, source_route, surroundings);
  };
}

void plan_sink(relay::RoutePlan& plan, const config::Settings& settings, const Section& route_section,
               store::Store& store, const connectors::Surroundings& surroundings) {
  const relay::RouteSettings& route = plan.settings;
  if (route.to == kStoreName) {
    const connectors::StoreSinkSettings wanted{
        .route = route.name, .held_bytes = route.max_in_flight_bytes, .on_lost_tail = on_lost_tail_of(route_section)};
    plan.make_sink = [&store, wanted, &log = surroundings.log](
                         connectors::OutcomeListener& listener) -> Result<std::unique_ptr<connectors::Sink>> {
      return connectors::make_store_sink({store.events(), store.log(), store.gaps()}, listener, log, wanted);
    };
    return;
  }
  const config::Endpoint* sink = settings.find_sink(route.to);
  INVARIANT(sink != nullptr, "config has checked the names of routes' ends");
  const connectors::SinkKind* kind = find_sink_kind(sink->kind);
  INVARIANT(kind != nullptr, "config has checked the kinds");
  plan.wire = wire_of(*kind, route_section);
  const connectors::SinkLimits limits{route.max_in_flight_bytes, settings.limits.event_bytes};
  plan.make_sink = [sink, kind, name = route.name, templates = route.templates, limits,
                    &surroundings](connectors::OutcomeListener& listener) {
    return kind->make(sink->section, {name, templates, limits}, surroundings, listener);
  };
}

store::StoreSettings store_settings_of(const config::Settings& settings) {
  store::StoreSettings wanted;
  wanted.url = settings.store.url;
  wanted.schema = settings.store.schema;
  wanted.limits = limits_of(settings.limits);
  return wanted;
}

bool is_sqlite(const Secret& url) { return url.reveal().starts_with("sqlite:"); }

// A URL, or libpq's keywords.
bool is_postgres(std::string_view url) {
  return url.starts_with("postgresql://") || url.starts_with("postgres://") || url.starts_with("host=") ||
         url.find("dbname=") != std::string_view::npos;
}

}  // namespace

Status check_store_url(const Secret& url) {
  if (is_sqlite(url)) return {};
  if (!is_postgres(url.reveal()))
    return fail(codes::kConfigInvalid, "[store] url names no known database (expected sqlite:PATH or postgresql://…)");
  if (store::postgres::is_connection_text(url)) return {};
  return fail(
      codes::kConfigInvalid,
      "[store] url can't be read (expected postgresql://user@host/database or libpq's keywords; in a URL, / ? # @ "
      ": and % of a password are written as %2F %3F %23 %40 %3A %25)");
}

store::AppendLimits limits_of(const config::Limits& limits) {
  return {limits.event_bytes,  limits.batch_events, limits.batch_bytes,
          limits.stream_bytes, limits.type_bytes,   limits.metadata_bytes};
}

Result<std::unique_ptr<store::Store>> make_store(const config::Settings& settings, const std::string& instance,
                                                 Log& log, store::StoreSettings::Inbox inbox) {
  store::StoreSettings wanted = store_settings_of(settings);
  wanted.inbox = inbox;
  if (auto known = check_store_url(wanted.url); !known) return fail(std::move(known.error()));
  if (is_sqlite(wanted.url)) return store::sqlite::make_sqlite_store(wanted);
  return store::postgres::make_postgres_store(std::move(wanted), instance, log);
}

Result<std::unique_ptr<store::Transfer>> make_transfer(const config::Settings& settings, const std::string& instance) {
  const store::StoreSettings wanted = store_settings_of(settings);
  if (auto known = check_store_url(wanted.url); !known) return fail(std::move(known.error()));
  if (is_sqlite(wanted.url)) return store::sqlite::make_sqlite_transfer(wanted);
  return store::postgres::make_postgres_transfer(wanted, instance);
}

std::vector<relay::RoutePlan> make_route_plans(const config::Settings& settings, store::Store& store,
                                               const connectors::Surroundings& surroundings) {
  const auto sessions = make_source_sessions(settings);
  std::vector<relay::RoutePlan> plans;
  for (const config::Route& route : settings.routes) {
    relay::RoutePlan plan;
    plan.settings = route_settings_of(settings, route);
    plan.source_kind = kind_of(settings.find_source(route.from));
    plan.sink_kind = kind_of(settings.find_sink(route.to));
    plan_source(plan, settings, route.section, store, surroundings, sessions);
    plan_sink(plan, settings, route.section, store, surroundings);
    plans.push_back(std::move(plan));
  }
  return plans;
}

connectors::RouteTemplates templates_of(const config::Settings& settings, const config::Route& route) {
  const config::Endpoint* sink = settings.find_sink(route.to);
  INVARIANT(sink != nullptr, "only a route to a sink has templates");
  const connectors::SinkKind* kind = find_sink_kind(sink->kind);
  INVARIANT(kind != nullptr, "config has checked the kinds");
  connectors::RouteTemplates templates = kind->templates(sink->section, route.section);
  templates.key = route.section.text("key");
  return templates;
}

std::string make_instance_name(Random& random) {
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) host[0] = '\0';
  std::string name = host[0] == '\0' ? "penstock" : host.data();
  std::array<char, 16> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), random.next() & 0xFFFFFFFF, 16).ptr;
  name.append("-").append(std::to_string(::getpid())).append("-").append(digits.data(), end);
  return name;
}

}  // namespace penstock::cli
