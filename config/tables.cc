#include "config/tables.h"

#include <algorithm>
#include <array>

namespace penstock::config {
namespace {

using enum FieldType;
constexpr auto kRequired = FieldSpec::Presence::kRequired;
constexpr auto kOptional = FieldSpec::Presence::kOptional;

constexpr std::string_view kLogLevels[] = {"trace", "debug", "info", "warn", "error"};
constexpr std::string_view kLogFormats[] = {"text", "json"};
constexpr std::string_view kStarts[] = {"earliest", "latest"};
constexpr std::string_view kOrders[] = {"strict", "pipelined"};
constexpr std::string_view kLostTails[] = {"stop", "continue"};
constexpr std::string_view kRejections[] = {"stop", "park_event", "skip"};

constexpr FieldSpec kStore[] = {
    {"url", kUrl, kOptional, "sqlite:penstock.db",
     "Where events, checkpoints and leases live: sqlite:PATH or postgresql://…"},
    {"schema", kText, kOptional, "penstock", "Schema of the tables; Postgres only."},
};

constexpr FieldSpec kLog[] = {
    {"level", kWord, kOptional, "info", "The least severe line that is written.", kLogLevels},
    {"format", kWord, kOptional, "text", "Lines for people or JSON lines, on standard error.", kLogFormats},
};

constexpr FieldSpec kShutdown[] = {
    {.name = "grace_ms",
     .type = kInteger,
     .default_text = "10000",
     .help = "How long a stop waits for what is in flight.",
     .maximum = 3'600'000},
};

constexpr FieldSpec kLimits[] = {
    {.name = "event_bytes",
     .type = kBytes,
     .default_text = "1MiB",
     .help =
         "Largest data of one event: the payload of a row or message, not what stands beside it, which may have 128KiB "
         "more than this.",
     .minimum = 1,
     .maximum = 64 << 20},
    {.name = "batch_events",
     .type = kInteger,
     .default_text = "1000",
     .help = "Most events of one append.",
     .minimum = 1,
     .maximum = 100'000},
    {.name = "batch_bytes",
     .type = kBytes,
     .default_text = "4MiB",
     .help = "Most data of one append.",
     .minimum = 1,
     .maximum = 256 << 20},
    {.name = "stream_bytes",
     .type = kBytes,
     .default_text = "1KiB",
     .help = "Longest name of a stream.",
     .minimum = 1,
     .maximum = 1'024},
    {.name = "type_bytes",
     .type = kBytes,
     .default_text = "255",
     .help = "Longest type, longest category and longest content type.",
     .minimum = 32,
     .maximum = 255},
    {.name = "metadata_bytes",
     .type = kBytes,
     .default_text = "64KiB",
     .help = "Largest metadata of one event.",
     .minimum = 2,
     .maximum = 64 << 10},
};

constexpr FieldSpec kMetrics[] = {
    {.name = "listen",
     .type = kListen,
     .help = "Where `penstock run` answers GET /metrics, without authentication; no key = no listener. Port 0 takes a "
             "free one."},
};

constexpr FieldSpec kSource[] = {
    {"name", kText, kRequired, {}, "Name of the source: [a-z0-9-], 1 to 63 characters; `store` is reserved."},
    {"kind", kText, kRequired, {}, "What the source is."},
};

constexpr FieldSpec kSink[] = {
    {"name", kText, kRequired, {}, "Name of the sink: [a-z0-9-], 1 to 63 characters; `store` is reserved."},
    {"kind", kText, kRequired, {}, "What the sink is."},
};

constexpr FieldSpec kFilter[] = {
    {"category", kTextList, kOptional, {}, "Categories that pass; none named = all."},
    {"type", kTextList, kOptional, {}, "Event types that pass; none named = all."},
};

constexpr FieldSpec kRetry[] = {
    {.name = "min_ms",
     .type = kInteger,
     .default_text = "100",
     .help = "First wait after a failure.",
     .minimum = 1,
     .maximum = 3'600'000},
    {.name = "max_ms",
     .type = kInteger,
     .default_text = "5000",
     .help = "Longest wait after failures.",
     .minimum = 1,
     .maximum = 3'600'000},
};

constexpr FieldSpec kRoute[] = {
    {"name", kText, kOptional, {}, "Name of the route: [a-z0-9-], 1 to 63 characters; default `<from>-to-<to>`."},
    {"from", kText, kRequired, {}, "A source, or `store`."},
    {"to", kText, kRequired, {}, "A sink, or `store`."},
    {.name = "filter", .type = kTable, .help = "Which events pass.", .members = kFilter},
    {"key", kText, kOptional, "{key}", "Template of the key that order is kept by."},
    {"headers", kTextTable, kOptional, {}, "Further headers: name = template."},
    {.name = "start",
     .type = kWordOrNumber,
     .default_text = "earliest",
     .help = "Where a new checkpoint starts: a word, or the position of the first event.",
     .words = kStarts,
     .minimum = 1},
    {"wire", kText, kOptional, {}, "Wire form of the messages; default: the first of the sink's kind."},
    {.name = "max_in_flight",
     .type = kInteger,
     .default_text = "5000",
     .help = "Most events beyond the stored checkpoint.",
     .minimum = 1,
     .maximum = 1'000'000},
    {.name = "max_in_flight_bytes",
     .type = kBytes,
     .default_text = "16MiB",
     .help = "Most bytes beyond the stored checkpoint; an event counts with its metadata and 512 bytes.",
     .minimum = 1,
     .maximum = std::int64_t{4} << 30},
    {"order", kWord, kOptional, "strict",
     "strict: one unsettled message a key where the sink could deliver a later one first.", kOrders},
    {.name = "attempts",
     .type = kInteger,
     .default_text = "3",
     .help = "How often an event is tried that the program may have crashed of, before it is parked.",
     .minimum = 1,
     .maximum = 1'000},
    {"on_reject", kWord, kOptional, "stop", "What happens to an event that the sink refuses for good.", kRejections},
    {"on_lost_tail",
     kWord,
     kOptional,
     {},
     "When a failover of the store lost events that were sent, or acknowledged to the source, or the database of a "
     "source with policy = \"cursor\" lost rows: stop until `penstock gaps ack` (default), or continue. A gap record "
     "names them.",
     kLostTails},
    {.name = "retry", .type = kTable, .help = "Waits after failures.", .members = kRetry},
    {"renamed_from",
     kText,
     kOptional,
     {},
     "Former name of the route: carries its checkpoint and its gap records over."},
};

constexpr GlobalTable kGlobalTables[] = {
    {"store", "The event store.", kStore},
    {"log", "The log, on standard error.", kLog},
    {"shutdown", "Stopping.", kShutdown},
    {"limits", "Largest sizes that are accepted.", kLimits},
    {"metrics", "Figures for Prometheus.", kMetrics},
};

struct Later {
  std::string_view table, key, word;  // no word: the key itself
};

constexpr Later kLater[] = {
    {"", "grpc", ""},
    {"", "http", ""},
    {"sink", "kind", "webhook"},
    {"route", "on_unroutable", ""},
    {"route", "on_reject", "park_key"},
};

}  // namespace

std::span<const FieldSpec> source_fields() { return kSource; }
std::span<const FieldSpec> sink_fields() { return kSink; }
std::span<const FieldSpec> route_fields() { return kRoute; }
std::span<const GlobalTable> global_tables() { return kGlobalTables; }

bool is_later_key(std::string_view table, std::string_view key) { return is_later_word(table, key, {}); }

bool is_later_word(std::string_view table, std::string_view key, std::string_view word) {
  return std::ranges::any_of(
      kLater, [&](const Later& later) { return later.table == table && later.key == key && later.word == word; });
}

}  // namespace penstock::config
