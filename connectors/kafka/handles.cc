#include "connectors/kafka/handles.h"

#include "core/invariant.h"

namespace penstock::kafka {

Result<Handle> new_client(rd_kafka_type_t type, Conf conf) {
  std::array<char, 512> reason{};
  Handle handle(rd_kafka_new(type, conf.get(), reason.data(), reason.size()));
  if (!handle) {
    return fail(codes::kKafkaOptionsInvalid, std::string("the Kafka client can't be made: ") + reason.data());
  }
  // From here the client owns it.
  (void)conf.release();
  return handle;
}

void set_own(rd_kafka_conf_t* conf, const char* name, const std::string& value) {
  std::array<char, 256> reason{};
  const auto result = rd_kafka_conf_set(conf, name, value.c_str(), reason.data(), reason.size());
  INVARIANT(result == RD_KAFKA_CONF_OK, "librdkafka knows the properties that Penstock sets itself");
}

}  // namespace penstock::kafka
