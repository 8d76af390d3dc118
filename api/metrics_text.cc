#include "api/metrics_text.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <initializer_list>

#include "api/label_text.h"
#include "api/metric_table.h"
#include "connectors/source.h"
#include "core/invariant.h"

namespace penstock::api {
namespace {

using relay::NamedReport;
using relay::RoutePhase;
using relay::RouteReport;

constexpr std::string_view kSlotWords[] = {"reserved", "extended", "unreserved", "lost"};
// The store is the source of many routes: what is told by the name of a source is told of the others only.
constexpr std::string_view kStore = "store";

// The families of one scrape: a row of the table each, filled with series.
class Sheet {
 public:
  Sheet() {
    for (const MetricRow& row : metric_rows()) {
      const auto type =
          row.type == MetricType::kCounter ? prometheus::MetricType::Counter : prometheus::MetricType::Gauge;
      families_.push_back({std::string(row.name), std::string(row.meaning), type, {}});
    }
  }

  // `values` are those of the row's labels, in its order.
  template <typename Number>
  void set(Metric metric, Number number, std::initializer_list<std::string_view> values = {}) {
    const auto at = static_cast<std::size_t>(metric);
    const auto names = label_names(metric_rows()[at]);
    INVARIANT(names.size() == values.size(), "a series has a value for each label of its metric");
    prometheus::ClientMetric series;
    std::transform(names.begin(), names.end(), values.begin(), std::back_inserter(series.label),
                   [](std::string_view name, std::string_view value) {
                     return prometheus::ClientMetric::Label{std::string(name), std::string(value)};
                   });
    // The serializer takes the one that is meant by the type.
    series.counter.value = series.gauge.value = static_cast<double>(number);
    families_[at].metric.push_back(std::move(series));
  }

  template <typename Number>
  void set_known(Metric metric, const std::optional<Number>& number,
                 std::initializer_list<std::string_view> values = {}) {
    if (number) set(metric, *number, values);
  }

  std::string text() && {
    std::erase_if(families_, [](const auto& family) { return family.metric.empty(); });
    return prometheus::TextSerializer().Serialize(families_);
  }

 private:
  std::vector<prometheus::MetricFamily> families_;
};

std::optional<std::int64_t> number_of(const std::optional<Position>& position) {
  return position ? std::optional(position->value) : std::nullopt;
}

void show_process(Sheet& sheet, const ProcessFigures& process) {
  sheet.set_known(Metric::kProcessCpuSeconds, process.cpu_seconds);
  sheet.set_known(Metric::kProcessResidentBytes, process.resident_bytes);
  sheet.set_known(Metric::kProcessOpenFds, process.open_fds);
  sheet.set_known(Metric::kProcessMaxFds, process.max_fds);
  sheet.set_known(Metric::kProcessThreads, process.threads);
  sheet.set_known(Metric::kProcessStartTime, process.start_time_seconds);
}

void show_program(Sheet& sheet, const Figures& figures) {
  sheet.set(Metric::kBuildInfo, 1, {figures.version});
  sheet.set(Metric::kStarted, figures.routes ? 1 : 0);
  for (const LogLevel level : kAllLogLevels)
    sheet.set(Metric::kLogMessages, figures.log.lines[static_cast<std::size_t>(level)], {to_string(level)});
  sheet.set(Metric::kLogDropped, figures.log.dropped);
}

void show_head(Sheet& sheet, const std::vector<NamedReport>& routes) {
  std::optional<std::int64_t> head;
  for (const NamedReport& route : routes)
    if (route.source.kind == kStore) head = std::max(head, number_of(route.report.source.head));
  sheet.set_known(Metric::kStoreHead, head);
}

void show_condition(Sheet& sheet, const NamedReport& named) {
  const auto& [route, source, sink, report] = named;
  sheet.set(Metric::kRouteInfo, 1, {route, source.name, source.kind, sink.name, sink.kind});
  sheet.set(Metric::kRouteUp, report.phase == RoutePhase::kRunning ? 1 : 0, {route, sink.kind});
  for (const RoutePhase phase : relay::kAllRoutePhases)
    sheet.set(Metric::kRouteState, report.phase == phase ? 1 : 0, {route, to_string(phase)});
  if (!report.code.empty()) sheet.set(Metric::kRouteFault, 1, {route, report.code});
  sheet.set(Metric::kLeaseHeld, report.lease == RouteReport::Held::kYes ? 1 : 0, {route});
}

void show_progress(Sheet& sheet, const NamedReport& named, Timestamp now) {
  const std::string& route = named.route;
  const RouteReport& report = named.report;
  const relay::RouteCounters& counters = report.counters;
  sheet.set_known(Metric::kRouteCheckpoint, number_of(report.source.settled), {route});
  sheet.set_known(Metric::kRouteLagEvents, report.source.lag_events, {route});
  sheet.set_known(Metric::kRouteLagSeconds, relay::lag_seconds_of(report, now), {route});
  sheet.set(Metric::kRouteDelivered, counters.delivered, {route});
  sheet.set(Metric::kRouteFiltered, counters.filtered, {route});
  sheet.set(Metric::kRouteParked, counters.parked, {route});
  sheet.set(Metric::kRouteSkipped, counters.skipped, {route});
  sheet.set(Metric::kRouteSubmitted, counters.submitted, {route});
  sheet.set(Metric::kRouteRetries, counters.retries, {route});
  sheet.set(Metric::kRouteUnexpected, counters.unexpected_reports, {route});
  sheet.set(Metric::kRouteSettleCalls, counters.settle_calls, {route});
  sheet.set(Metric::kRouteSourceOpenings, counters.source_openings, {route});
  sheet.set(Metric::kRouteSinkOpenings, counters.sink_openings, {route});
  sheet.set(Metric::kRouteInFlightEvents, report.in_flight, {route});
  sheet.set(Metric::kRouteInFlightBytes, report.in_flight_bytes, {route});
}

void show_slot(Sheet& sheet, std::string_view source, const connectors::SlotFigures& slot) {
  for (const std::string_view word : kSlotWords)
    sheet.set(Metric::kSlotStatus, slot.wal_status == word ? 1 : 0, {source, word});
  if (std::ranges::find(kSlotWords, slot.wal_status) == std::end(kSlotWords))
    sheet.set(Metric::kSlotStatus, 1, {source, label_text(slot.wal_status)});
  sheet.set(Metric::kSlotRetained, slot.retained_bytes, {source});
  sheet.set_known(Metric::kSlotSafe, slot.safe_bytes, {source});
  sheet.set_known(Metric::kSlotSafeShare, relay::safe_share_of(slot), {source});
  if (slot.heartbeat)
    sheet.set(Metric::kSourceHeartbeat, std::chrono::duration<double>(*slot.heartbeat).count(), {source});
}

void show_source(Sheet& sheet, const NamedReport& named) {
  if (named.source.kind == kStore) return;
  const std::string& source = named.source.name;
  const connectors::SourceFigures& figures = named.report.source;
  sheet.set(Metric::kSourceUp, named.report.source_is == RouteReport::Open::kYes ? 1 : 0, {source});
  sheet.set(Metric::kSourceReads, figures.reads, {source});
  sheet.set(Metric::kSourceRereads, figures.rereads, {source});
  sheet.set(Metric::kSourceFullScans, figures.full_scans, {source});
  if (const auto& blocker = figures.held_back_by) {
    const bool is_known = blocker->age_is == connectors::Blocker::Age::kKnown;
    sheet.set(
        Metric::kSourceHeldBack, blocker->age.count(),
        {source, std::to_string(blocker->pid), label_text(blocker->application), is_known ? "known" : "at_least"});
  }
  if (figures.slot) show_slot(sheet, source, *figures.slot);
}

}  // namespace

std::string metrics_text(const Figures& figures) {
  Sheet sheet;
  show_process(sheet, figures.process);
  show_program(sheet, figures);
  if (!figures.routes) return std::move(sheet).text();
  show_head(sheet, *figures.routes);
  for (const NamedReport& route : *figures.routes) {
    show_condition(sheet, route);
    show_progress(sheet, route, figures.now);
    show_source(sheet, route);
  }
  return std::move(sheet).text();
}

}  // namespace penstock::api
