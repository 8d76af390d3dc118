#include "connectors/carried_metadata.h"

#include <algorithm>
#include <vector>

#include "core/json_text.h"

namespace penstock::connectors {
namespace {

constexpr std::string_view kCarried[] = {"traceparent", "tracestate", "correlation-id", "causation-id"};

}  // namespace

void carry_metadata(const Event& event, MessageBuilder& builder) {
  if (event.metadata == "{}") return;
  for (const std::string_view name : kCarried) {
    // Most metadata holds none of them, and looking is cheaper than parsing.
    if (event.metadata.find(name) == std::string_view::npos) continue;
    const std::vector<Header>& written = builder.message().headers;
    if (std::ranges::find(written, name, &Header::name) != written.end()) continue;
    if (const auto value = find_member(event.metadata, name)) builder.header(name, builder.keep(*value));
  }
}

}  // namespace penstock::connectors
