// A table of one's own: every column is named in [source.columns].
#include "connectors/outbox/profiles/all.h"

namespace penstock::outbox {
namespace {}  // namespace

const Profile kCustom{
    .name = "custom",
    .title = "your own table",
    .columns = {},
    .ignore = {},
    .id_kind = IdKind::kUuid,
    .text_payload = TextPayload::kPlain,
    .null_key = NullKey::kRefuse,
    .table = "public.outbox",
    .order_by = "",
    .policy = "delete",
    .mark_column = "",
    .mark_value = "",
    .ddl = {},
};

}  // namespace penstock::outbox
