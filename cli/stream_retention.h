// penstock streams delete, truncate and set: what is kept of a stream.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

#include "cli/json_writer.h"
#include "cli/output.h"
#include "store/retention.h"

namespace CLI {
class App;
}

namespace penstock::cli {

struct Invocation;

// The commands that change it, below `penstock streams`.
void add_stream_retention(CLI::App& command, Invocation& invocation);

// "30d", "12h", "15m", "90s": nullopt for anything else.
std::optional<std::chrono::microseconds> parse_age(std::string_view text);

// Last version, state, first version that is read, and limits, as members or rows.
void add_retention(JsonObject& object, const store::StreamRetention& kept);
void add_retention(TextTable& table, const store::StreamRetention& kept);

}  // namespace penstock::cli
