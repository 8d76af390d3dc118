// The table of event-store-rs (repflow/event-store-rs, Postgres store): `data` holds the event's fields beside
// event_namespace and event_type, `context` who caused it and when. It is an event store, so its rows stay.
#include "connectors/outbox/profiles/all.h"

namespace penstock::outbox {
namespace {

constexpr ProfileColumn kColumns[] = {
    {Role::kId, "id"},
    {Role::kAggregateType, "data", "/event_namespace"},
    {Role::kType, "data", "/event_type"},
    {Role::kPayload, "data"},
    {Role::kOccurredAt, "context", "/time"},
};

constexpr std::string_view kTable =
    R"sql(CREATE TABLE @table@ (
  id      uuid  PRIMARY KEY,
  data    jsonb NOT NULL,
  context jsonb NOT NULL
);)sql";

}  // namespace

const Profile kEventStoreRs{
    .name = "event-store-rs",
    .title = "event-store-rs",
    .columns = kColumns,
    .ignore = {},
    .id_kind = IdKind::kUuid,
    .text_payload = TextPayload::kJson,
    .null_key = NullKey::kAllow,
    .table = "public.events",
    .order_by = "",
    .policy = "cursor",
    .mark_column = "",
    .mark_value = "",
    .ddl = kTable,
};

}  // namespace penstock::outbox
