// Eventuate Tram's table of messages (eventuate-tram-core and eventuate-common, PostgreSQL scripts), with a
// number to order by: its ids ascend within a process only. `message0` to `messageN` are tables of this shape,
// each a source of its own. The names of headers are those of Message and EventMessageHeaders. `published` stays
// what it is: 0 is to be read, 1 is settled.
#include "connectors/outbox/profiles/all.h"

namespace penstock::outbox {
namespace {

constexpr ProfileColumn kColumns[] = {
    {Role::kId, "id"},
    {Role::kAggregateType, "destination"},
    {Role::kAggregateId, "headers", "/PARTITION_ID"},
    {Role::kType, "headers", "/event-type", "message"},
    {Role::kPayload, "payload"},
    {Role::kHeaders, "headers"},
    {Role::kOccurredAt, "creation_time"},
};

constexpr std::string_view kIgnore[] = {"message_partition"};

constexpr std::string_view kTable =
    R"sql(CREATE TABLE @table@ (
  id                varchar(1000) PRIMARY KEY,
  destination       text          NOT NULL,
  headers           text          NOT NULL,
  payload           text          NOT NULL,
  published         smallint      DEFAULT 0,
  message_partition smallint,
  creation_time     bigint
);)sql";

}  // namespace

const Profile kEventuate{
    .name = "eventuate",
    .title = "Eventuate Tram messages",
    .columns = kColumns,
    .ignore = kIgnore,
    .id_kind = IdKind::kAny,
    .text_payload = TextPayload::kJson,
    .null_key = NullKey::kAllow,
    .table = "eventuate.message",
    .order_by = "",
    .policy = "mark",
    .mark_column = "published",
    .mark_value = "1",
    .ddl = kTable,
};

}  // namespace penstock::outbox
