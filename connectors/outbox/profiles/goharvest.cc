// goharvest's outbox (obsidiandynamics/goharvest, README, "Create the outbox table"). A NULL value is a
// tombstone.
#include "connectors/outbox/profiles/all.h"

namespace penstock::outbox {
namespace {

constexpr ProfileColumn kColumns[] = {
    {Role::kId, "id"},
    {Role::kAggregateType, "kafka_topic"},
    {Role::kAggregateId, "kafka_key"},
    {Role::kType, "message", {}, {}, ProfileColumn::Is::kConstant},
    {Role::kPayload, "kafka_value"},
    {Role::kOccurredAt, "create_time"},
    {Role::kHeaderNames, "kafka_header_keys"},
    {Role::kHeaderValues, "kafka_header_values"},
};

constexpr std::string_view kIgnore[] = {"leader_id"};

constexpr std::string_view kTable =
    R"sql(CREATE TABLE @table@ (
  id                  bigserial      PRIMARY KEY,
  create_time         timestamptz    NOT NULL,
  kafka_topic         varchar(249)   NOT NULL,
  kafka_key           varchar(100)   NOT NULL,
  kafka_value         varchar(10000),
  kafka_header_keys   text[]         NOT NULL,
  kafka_header_values text[]         NOT NULL,
  leader_id           uuid
);)sql";

}  // namespace

const Profile kGoharvest{
    .name = "goharvest",
    .title = "goharvest outbox",
    .columns = kColumns,
    .ignore = kIgnore,
    .id_kind = IdKind::kAny,
    .text_payload = TextPayload::kPlain,
    .null_key = NullKey::kRefuse,
    .table = "public.outbox",
    .order_by = "id",
    .policy = "delete",
    .mark_column = "",
    .mark_value = "",
    .ddl = kTable,
};

}  // namespace penstock::outbox
