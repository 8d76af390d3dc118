// CAP's table of published messages (dotnetcore/CAP, IStorageInitializer.PostgreSql.cs): `Content` is JSON of
// headers and value. `Id` is made by the service and ascends per process, so it orders but can't be a cursor's
// number. CAP's own dispatcher has to be off, or it publishes the rows, too.
#include "connectors/outbox/profiles/all.h"

namespace penstock::outbox {
namespace {

constexpr ProfileColumn kColumns[] = {
    {Role::kId, "Id"},
    {Role::kAggregateType, "Name"},
    {Role::kAggregateId, "Content", "/Headers/cap-kafka-key"},
    {Role::kType, "Name"},
    {Role::kPayload, "Content", "/Value"},
    {Role::kHeaders, "Content", "/Headers"},
    {Role::kOccurredAt, "Added"},
};

constexpr std::string_view kIgnore[] = {"Version", "Content", "Retries", "ExpiresAt"};

constexpr std::string_view kTable =
    R"sql(CREATE TABLE @table@ (
  "Id"         bigint       PRIMARY KEY NOT NULL,
  "Version"    varchar(20)  NOT NULL,
  "Name"       varchar(200) NOT NULL,
  "Content"    text,
  "Retries"    int          NOT NULL,
  "Added"      timestamp    NOT NULL,
  "ExpiresAt"  timestamp,
  "StatusName" varchar(50)  NOT NULL
);)sql";

}  // namespace

const Profile kCap{
    .name = "cap",
    .title = "CAP published messages",
    .columns = kColumns,
    .ignore = kIgnore,
    .id_kind = IdKind::kAny,
    .text_payload = TextPayload::kJson,
    .null_key = NullKey::kAllow,
    .table = "cap.published",
    .order_by = "Id",
    .policy = "mark",
    .mark_column = "StatusName",
    .mark_value = "Succeeded",
    .ddl = kTable,
};

}  // namespace penstock::outbox
