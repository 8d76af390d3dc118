// Spring Modulith's event publication registry (spring-modulith-events-jdbc, schema-postgresql.sql). There is a
// row for each listener of an event; a completed one has a date. The columns that version 2 added change while a
// row waits.
#include "connectors/outbox/profiles/all.h"

namespace penstock::outbox {
namespace {

constexpr ProfileColumn kColumns[] = {
    {Role::kId, "id"},
    {Role::kAggregateType, "event_type"},
    {Role::kType, "event_type"},
    {Role::kPayload, "serialized_event"},
    {Role::kOccurredAt, "publication_date"},
};

constexpr std::string_view kIgnore[] = {"status", "completion_attempts", "last_resubmission_date"};

constexpr std::string_view kTable =
    R"sql(CREATE TABLE @table@ (
  id               uuid        NOT NULL PRIMARY KEY,
  listener_id      text        NOT NULL,
  event_type       text        NOT NULL,
  serialized_event text        NOT NULL,
  publication_date timestamptz NOT NULL,
  completion_date  timestamptz
);)sql";

}  // namespace

const Profile kModulith{
    .name = "modulith",
    .title = "Spring Modulith event publications",
    .columns = kColumns,
    .ignore = kIgnore,
    .id_kind = IdKind::kUuid,
    .text_payload = TextPayload::kJson,
    .null_key = NullKey::kAllow,
    .table = "public.event_publication",
    .order_by = "",
    .policy = "mark",
    .mark_column = "completion_date",
    .mark_value = "",
    .ddl = kTable,
};

}  // namespace penstock::outbox
