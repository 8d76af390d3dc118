// Open Outbox's table (open-outbox/relay, schema/postgres/open-outbox.sql). The columns by which its own relays
// share the work are left alone; `available_at` is not waited for.
#include "connectors/outbox/profiles/all.h"

namespace penstock::outbox {
namespace {

constexpr ProfileColumn kColumns[] = {
    {Role::kId, "event_id"},           {Role::kAggregateType, "event_type"}, {Role::kAggregateId, "partition_key"},
    {Role::kType, "event_type"},       {Role::kPayload, "payload"},          {Role::kHeaders, "headers"},
    {Role::kOccurredAt, "created_at"},
};

constexpr std::string_view kIgnore[] = {"attempts",  "last_error",   "available_at", "locked_by",
                                        "locked_at", "delivered_at", "updated_at"};

constexpr std::string_view kTable =
    R"sql(CREATE TABLE @table@ (
  event_id      uuid        PRIMARY KEY,
  event_type    text        NOT NULL,
  partition_key text,
  payload       bytea       NOT NULL,
  headers       jsonb       NOT NULL DEFAULT '{}',
  status        text        NOT NULL DEFAULT 'PENDING'
                            CHECK (status IN ('PENDING', 'DELIVERING', 'DELIVERED', 'DEAD')),
  attempts      int         NOT NULL DEFAULT 0,
  last_error    text,
  available_at  timestamptz NOT NULL DEFAULT now(),
  locked_by     text,
  locked_at     timestamptz,
  delivered_at  timestamptz,
  created_at    timestamptz NOT NULL DEFAULT now(),
  updated_at    timestamptz NOT NULL DEFAULT now()
);)sql";

}  // namespace

const Profile kOpenOutbox{
    .name = "open-outbox",
    .title = "Open Outbox events",
    .columns = kColumns,
    .ignore = kIgnore,
    .id_kind = IdKind::kUuid,
    .text_payload = TextPayload::kJson,
    .null_key = NullKey::kAllow,
    .table = "public.openoutbox_events",
    .order_by = "",
    .policy = "mark",
    .mark_column = "status",
    .mark_value = "DELIVERED",
    .ddl = kTable,
};

}  // namespace penstock::outbox
