// Standard output as a sink: one JSON object an event and line. Delivered = the operating system has
// taken the whole line.
//
// A reader that stalls blocks nobody: the state is kBlocked until it goes on. A reader that went away
// makes the sink kBroken.
#pragma once

#include <memory>

#include "connectors/kind.h"

namespace penstock::console {

// Lives for the whole program.
const connectors::SinkKind& sink_kind();

// `descriptor` stays open and is not closed; it and `listener` outlive the sink.
std::unique_ptr<connectors::Sink> make_console_sink(int descriptor, connectors::OutcomeListener& listener);

}  // namespace penstock::console
