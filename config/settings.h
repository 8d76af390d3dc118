// The configuration, typed and checked: what config::load makes of a file, the environment and the
// command line. A value; nothing in it changes afterwards.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/listen_address.h"
#include "core/log.h"
#include "core/secret.h"
#include "core/section.h"

namespace penstock::config {

// One key as `penstock config show` prints it: a TOML value with every secret masked.
struct ShownKey {
  std::string name;        // "retry.min_ms"
  std::string value;       // "100"
  std::string origin;      // "penstock.toml:3:7", "default", "environment variable …", "--set"
  std::string instead_of;  // the origin of the value that this one overrides; empty if there is none
};

struct ShownTable {
  std::string header;  // "[store]", "[[route]]"
  std::vector<ShownKey> keys;
};

struct StoreTable {
  Secret url;
  std::string schema;
};

struct LogTable {
  enum class Format { kText, kJson };
  LogLevel level = LogLevel::kInfo;
  Format format = Format::kText;
};

struct Limits {
  std::size_t event_bytes, batch_events, batch_bytes, stream_bytes, type_bytes, metadata_bytes;
};

struct MetricsTable {
  std::optional<ListenAddress> listen;  // empty: no listener
};

// A [[source]] or a [[sink]]; the section is read by its connector.
struct Endpoint {
  std::string name;
  std::string kind;
  Section section;
};

// A [[route]]. The section holds the keys of every route (config/tables.h) and those that the kind of
// its sink declares; words and numbers in it are checked.
struct Route {
  std::string name;
  std::string from;  // a source's name, or "store"
  std::string to;    // a sink's name, or "store"
  Section section;
};

inline constexpr std::string_view kStoreName = "store";

struct Settings {
  StoreTable store;
  LogTable log;
  std::chrono::milliseconds shutdown_grace{10'000};
  Limits limits;
  MetricsTable metrics;
  std::vector<Endpoint> sources, sinks;
  std::vector<Route> routes;
  std::vector<ShownTable> shown;  // all of it in the order of the file

  const Endpoint* find_source(std::string_view name) const;
  const Endpoint* find_sink(std::string_view name) const;
};

}  // namespace penstock::config
