#include "connectors/rabbitmq/native_wire.h"

#include "connectors/carried_metadata.h"

namespace penstock::rabbitmq {
namespace {

class NativeWire final : public connectors::WireProfile {
 public:
  std::string_view name() const override { return "native"; }

  void encode(const Event& event, connectors::MessageBuilder& builder) const override {
    builder.header("stream", event.stream);
    if (const auto& key = builder.message().key) builder.header("key", *key);
    if (event.version) builder.header("version", event.version->value);
    if (event.position) builder.header("position", event.position->value);
    if (event.occurred_at) builder.header("time", builder.render(*event.occurred_at));
    if (!event.source_position.empty()) builder.header("source-position", event.source_position);
    connectors::carry_metadata(event, builder);
    // AMQP has no null body.
    if (!event.data) builder.header("tombstone", true);
    builder.message().body = event.data;
  }
};

}  // namespace

const connectors::WireProfile& native_wire() {
  static const NativeWire profile;
  return profile;
}

}  // namespace penstock::rabbitmq
