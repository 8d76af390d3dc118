#include "connectors/kafka/native_wire.h"

#include "core/json_text.h"

namespace penstock::kafka {
namespace {

// Members of the metadata that travel by themselves; everything else only by `headers` of the route.
constexpr std::string_view kCarriedMetadata[] = {"traceparent", "tracestate", "correlation-id", "causation-id"};
constexpr std::size_t kMostHeaders = 8 + std::size(kCarriedMetadata);

void carry_metadata(const Event& event, connectors::MessageBuilder& builder) {
  if (event.metadata == "{}") return;
  for (const std::string_view name : kCarriedMetadata) {
    // Most metadata holds none of them, and looking is cheaper than parsing.
    if (event.metadata.find(name) == std::string_view::npos) continue;
    if (const auto value = find_member(event.metadata, name)) builder.header(name, builder.keep(*value));
  }
}

class NativeWire final : public connectors::WireProfile {
 public:
  std::string_view name() const override { return "native"; }

  void encode(const Event& event, connectors::MessageBuilder& builder) const override {
    builder.reserve_headers(kMostHeaders);
    builder.header("id", builder.render(event.id));
    builder.header("type", event.type);
    builder.header("stream", event.stream);
    if (event.version) builder.header("version", builder.render(event.version->value));
    if (event.position) builder.header("position", builder.render(event.position->value));
    if (event.occurred_at) builder.header("time", builder.render(*event.occurred_at));
    builder.header("content-type", event.content_type);
    if (!event.source_position.empty()) builder.header("source-position", event.source_position);
    carry_metadata(event, builder);
    builder.message().body = event.data;
  }
};

}  // namespace

const connectors::WireProfile& native_wire() {
  static const NativeWire profile;
  return profile;
}

}  // namespace penstock::kafka
