// penstock streams delete, truncate and set: what is kept of a stream.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "cli/json_writer.h"
#include "cli/output.h"
#include "store/retention.h"
#include "store/store.h"

namespace CLI {
class App;
}

namespace penstock::cli {

struct Invocation;

// The commands that change it, below `penstock streams`.
void add_stream_retention(CLI::App& command, Invocation& invocation);

// "30d", "12h", "15m", "90s": nullopt for anything else.
std::optional<std::chrono::microseconds> parse_age(std::string_view text);

// What is kept of a stream, and the first version that is read: behind what was truncated, ran out or was dropped.
struct KeptOfStream {
  store::StreamRetention rules;
  Version first_read;
};
// nullopt where there is no such stream.
Result<std::optional<KeptOfStream>> find_kept(store::Store& store, const std::string& stream);

// Last version, state, first version that is read, and limits, as members or rows.
void add_retention(JsonObject& object, const KeptOfStream& kept);
void add_retention(TextTable& table, const KeptOfStream& kept);

}  // namespace penstock::cli
