// The basic outbox table of Debezium's outbox event router
// (debezium.io/documentation/reference/stable/transformations/outbox-event-router.html, "Basic outbox table"),
// with a number to order by.
#include "connectors/outbox/profiles/all.h"

namespace penstock::outbox {
namespace {

constexpr ProfileColumn kColumns[] = {
    {Role::kId, "id"},
    {Role::kAggregateType, "aggregatetype"},
    {Role::kAggregateId, "aggregateid"},
    {Role::kType, "type"},
    {Role::kPayload, "payload"},
};

constexpr std::string_view kTable =
    R"sql(CREATE TABLE @table@ (
  seq           bigint       GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id            uuid         NOT NULL DEFAULT gen_random_uuid(),
  aggregatetype varchar(255) NOT NULL,
  aggregateid   varchar(255) NOT NULL,
  type          varchar(255) NOT NULL,
  payload       jsonb
);)sql";

}  // namespace

const Profile kDebezium{
    .name = "debezium",
    .title = "Debezium outbox event router",
    .columns = kColumns,
    .ignore = {},
    .id_kind = IdKind::kUuid,
    .text_payload = TextPayload::kJson,
    .null_key = NullKey::kRefuse,
    .table = "public.outbox",
    .order_by = "",
    .policy = "delete",
    .mark_column = "",
    .mark_value = "",
    .ddl = kTable,
};

}  // namespace penstock::outbox
