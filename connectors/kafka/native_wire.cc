#include "connectors/kafka/native_wire.h"

#include "connectors/carried_metadata.h"

namespace penstock::kafka {
namespace {

constexpr std::size_t kMostHeaders = 12;

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
    connectors::carry_metadata(event, builder);
    builder.message().body = event.data;
  }
};

}  // namespace

const connectors::WireProfile& native_wire() {
  static const NativeWire profile;
  return profile;
}

}  // namespace penstock::kafka
