#include "api/metrics_page.h"

#include "api/metric_table.h"

namespace penstock::api {
namespace {

constexpr MetricAlert kAlerts[] = {
    {"up == 0", "1m", "The program is down, or not reached."},
    {"penstock_started == 0", "2m", "The store has not answered since the start; the log says why."},
    {"penstock_route_state{state=\"failed\"} == 1", "0m",
     "The route has stopped for good, until it is restarted; `penstock_route_fault` has the code."},
    {"penstock_route_state{state=\"backing_off\"} == 1", "5m",
     "Source, sink or store of the route is away, or refuses it."},
    {"sum by (route) (penstock_route_up) == 0", "5m",
     "No instance relays this route. A standby alone doesn't fire it."},
    {"penstock_route_lag_seconds > 300", "5m", "The oldest event of the route waits for more than five minutes."},
    {"penstock_source_held_back_seconds > 60", "0m",
     "An open transaction holds a source back; its labels say which. End it, or wait for it."},
    {"penstock_slot_safe_wal_share < 0.25", "0m",
     "The server gives the replication slot up soon: three quarters of what it keeps are used."},
    {"penstock_route_fault{code=~\"wal.slot_lost|wal.slot_ahead|wal.other_server|relay.lost_tail|outbox.lost_tail|"
     "outbox.checkpoint_foreign\"} "
     "== 1",
     "0m", "Events may be missing; `penstock gaps ls` has what is known, and the route waits for an operator."},
    {"delta(penstock_slot_retained_wal_bytes[30m]) > 1073741824", "0m",
     "The server keeps more and more log for the slot: it stands still, or the route behind it."},
    {"penstock_source_heartbeat_round_trip_seconds > 5", "5m", "The log arrives late, or not at all."},
    {"increase(penstock_route_parked_events_total[15m]) > 0", "0m",
     "Events were set aside; `penstock parked ls` has them with their reasons."},
    {"increase(penstock_log_dropped_total[15m]) > 0", "0m", "Nobody reads standard error fast enough."},
};

constexpr std::string_view kHead = R"(# Metrics

Generated from the rows that a scrape is made of; a test keeps it so.

`penstock run` answers `GET /metrics` in Prometheus' text format where the configuration asks for it:

```toml
[metrics]
listen = "127.0.0.1:26543"
```

`PENSTOCK_METRICS__LISTEN` overrides it; `PROM_PORT=26543` is short for that port on 127.0.0.1. Port 0 takes a free one; the
log says which. Without the key nothing listens. An address that can't be taken ends the start with exit code 71.

There is no authentication and no TLS. No metric holds a payload, a key, a stream or a URL, but names of routes, sources,
sinks, codes, and the name of an application that holds a source back; on an address other than loopback everyone who reaches
it can read them, and one line of the log says so. HTTP/1.1, GET and HEAD; 16 connections, 8 KiB of header and 5 s for a
request; a connection that rests for 5 s is closed.

A scrape reads memory only: it is answered while databases and brokers are away. What is not known has no line, and is never
0. Counters begin at 0 with the program. Figures of a busy route are up to a quarter of a second old, those of a slot up to
some seconds. Every instance shows the routes of its own configuration; a standby shows state `standby` and counts nothing.
)";

constexpr std::string_view kSourcesHead = R"(
Of every source but the store, which is the source of many routes. How far a source lags is said by the route that it feeds
(`penstock_route_lag_seconds`), joined by `penstock_route_info`: a source of its own has no second lag. Parked rows,
gap records and counts of the store need a database and are told by `penstock status`, `penstock parked` and `penstock gaps`.
)";

std::string_view title_of(MetricGroup group) {
  switch (group) {
    case MetricGroup::kProcess: return "Process";
    case MetricGroup::kProgram: return "Program";
    case MetricGroup::kRoutes: return "Routes";
    case MetricGroup::kSources: return "Sources";
  }
  return "";
}

// In a cell of a Markdown table, which a bar would end.
std::string in_code(std::string_view text) {
  std::string code = "`";
  for (const char letter : text) code.append(letter == '|' ? "\\" : "").append(1, letter);
  return code + "`";
}

void append_group(std::string& page, MetricGroup group) {
  page.append("\n## ").append(title_of(group)).append("\n");
  if (group == MetricGroup::kSources) page += kSourcesHead;
  page += "\n| name | type | labels | meaning |\n|---|---|---|---|\n";
  for (const MetricRow& row : metric_rows()) {
    if (row.group != group) continue;
    std::string labels;
    for (const std::string_view label : label_names(row))
      labels.append(labels.empty() ? "" : ", ").append(in_code(label));
    page.append("| ")
        .append(in_code(row.name))
        .append(row.type == MetricType::kCounter ? " | counter | " : " | gauge | ");
    page.append(labels).append(" | ").append(row.meaning).append(" |\n");
  }
}

void append_alerts(std::string& page) {
  page += "\n## What to alert on\n\n| expression | for | what it means |\n|---|---|---|\n";
  for (const MetricAlert& alert : metric_alerts()) {
    page.append("| ").append(in_code(alert.expression)).append(" | ").append(alert.lasts);
    page.append(" | ").append(alert.meaning).append(" |\n");
  }
}

}  // namespace

std::span<const MetricAlert> metric_alerts() { return kAlerts; }

std::string metrics_page() {
  std::string page(kHead);
  for (const MetricGroup group :
       {MetricGroup::kProcess, MetricGroup::kProgram, MetricGroup::kRoutes, MetricGroup::kSources})
    append_group(page, group);
  append_alerts(page);
  return page;
}

}  // namespace penstock::api
