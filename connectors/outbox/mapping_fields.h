// The keys that say how rows become events: the same for a table that is polled and one that is read from the log.
#pragma once

#include <string_view>

#include "connectors/section.h"

namespace penstock::outbox {

inline constexpr std::string_view kProfileWords[] = {
    "debezium", "eventuate", "event-store-rs", "factcast", "goharvest", "cap", "open-outbox", "modulith", "custom"};
inline constexpr std::string_view kNullKeyWords[] = {"refuse", "allow"};
inline constexpr std::string_view kIdKindWords[] = {"uuid", "any"};

inline constexpr connectors::FieldSpec kProfileField = {
    "profile",  connectors::FieldType::kWord,        connectors::FieldSpec::Presence::kOptional,
    "debezium", "Known column names to start from.", kProfileWords};
inline constexpr connectors::FieldSpec kNullKeyField = {
    "null_key",
    connectors::FieldType::kWord,
    connectors::FieldSpec::Presence::kOptional,
    "",
    "What a NULL or empty aggregate id is; default: as the profile says, mostly refuse.",
    kNullKeyWords};
inline constexpr connectors::FieldSpec kIdKindField = {
    "id_kind", connectors::FieldType::kWord, connectors::FieldSpec::Presence::kOptional,
    "",        "What the id column holds.",  kIdKindWords};
inline constexpr connectors::FieldSpec kIdsOfField = {
    "ids_of", connectors::FieldType::kText, connectors::FieldSpec::Presence::kOptional, "",
    "For `id_kind = \"any\"`, where an event's id is made of the row's id and the name of the source: the name of "
    "another source that reads, or read, the same table. Both then make equal events of a row."};
inline constexpr connectors::FieldSpec kIgnoreField = {"ignore", connectors::FieldType::kTextList,
                                                       connectors::FieldSpec::Presence::kOptional, "",
                                                       "Columns that stay out of the metadata."};

}  // namespace penstock::outbox
