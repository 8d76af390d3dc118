// penstock streams delete, truncate and set: what is kept of a stream.
#pragma once

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

// Last version, state, first version that is read, and limits, as members or rows.
void add_retention(JsonObject& object, const store::StreamRetention& kept);
void add_retention(TextTable& table, const store::StreamRetention& kept);

}  // namespace penstock::cli
