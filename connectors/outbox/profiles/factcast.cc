// FactCast's table of facts (factcast-store, db/changelog/factcast): the header names id, namespace, type and
// aggregates; `ser` is drawn by the insert. It is an event store, so its rows stay.
#include "connectors/outbox/profiles/all.h"

namespace penstock::outbox {
namespace {

constexpr ProfileColumn kColumns[] = {
    {Role::kId, "header", "/id"},
    {Role::kAggregateType, "header", "/ns"},
    {Role::kAggregateId, "header", "/aggIds/0"},
    {Role::kType, "header", "/type"},
    {Role::kPayload, "payload"},
};

constexpr std::string_view kTable =
    R"sql(CREATE TABLE @table@ (
  ser     bigserial PRIMARY KEY,
  header  jsonb     NOT NULL,
  payload jsonb     NOT NULL
);)sql";

}  // namespace

const Profile kFactcast{
    .name = "factcast",
    .title = "FactCast facts",
    .columns = kColumns,
    .ignore = {},
    .id_kind = IdKind::kUuid,
    .text_payload = TextPayload::kJson,
    .null_key = NullKey::kAllow,
    .table = "public.fact",
    .order_by = "ser",
    .policy = "cursor",
    .mark_column = "",
    .mark_value = "",
    .ddl = kTable,
};

}  // namespace penstock::outbox
