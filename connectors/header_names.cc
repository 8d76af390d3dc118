#include "connectors/header_names.h"

#include <algorithm>
#include <string>

namespace penstock::connectors {
namespace {

// What can be known of an event: so everything that a wire form may write is written.
Message encode_specimen(const WireProfile& wire) {
  MessageBuilder builder(make_event({.stream = "a-1",
                                     .category = "a",
                                     .type = "t",
                                     .data = std::nullopt,
                                     .occurred_at = Timestamp{},
                                     .key = "1",
                                     .version = Version{0},
                                     .position = Position{1},
                                     .source_position = "1"}));
  builder.message().key = "1";
  wire.encode(*builder.message().event, builder);
  return std::move(builder).finish();
}

}  // namespace

std::vector<SectionError> check_header_names(const Section& route, const WireProfile& wire) {
  std::vector<SectionError> errors;
  const Message specimen = encode_specimen(wire);
  for (const auto& [name, text] : route.text_table("headers")) {
    if (std::ranges::find(specimen.headers, std::string_view(name), &Header::name) == specimen.headers.end()) continue;
    errors.push_back({route.place("headers." + name), "`headers." + name + "`: the wire form \"" +
                                                          std::string(wire.name()) +
                                                          "\" writes a header of this name itself (expected another)"});
  }
  return errors;
}

}  // namespace penstock::connectors
