// The connectors of this program: an explicit list. A new connector is one line in catalogue.cc.
#pragma once

#include <span>
#include <string_view>

#include "config/declarations.h"
#include "connectors/kind.h"

namespace penstock::cli {

std::span<const connectors::SourceKind* const> source_kinds();
std::span<const connectors::SinkKind* const> sink_kinds();

// Null when there is no such kind.
const connectors::SourceKind* find_source_kind(std::string_view name);
const connectors::SinkKind* find_sink_kind(std::string_view name);

// What the configuration needs to know of them. Lives for the whole program.
const config::Declarations& declarations();

}  // namespace penstock::cli
