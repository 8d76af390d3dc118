// What the program does with the tables of the store, beyond reading all of them and calling all functions.
// Nobody changes or deletes events: they become stubs by a function of the owner.
#pragma once

#include <string>
#include <string_view>

#include "store/postgres/schema.h"

namespace penstock::store::postgres {

struct RuntimeRights {
  std::string_view rights;  // as GRANT takes them, in capitals
  std::string_view tables;  // parted by ", "
};

inline constexpr RuntimeRights kRuntimeRights[] = {
    {"INSERT", "events, tags, parked"},
    {"INSERT, UPDATE", "streams, checkpoints, source_checkpoints, leases, gaps"},
    {"INSERT, UPDATE, DELETE", "route_state, attempts"},
    {"UPDATE", "head, limits"},
    {"DELETE", "inbox"},
};

// The same tables with the schema before each name.
std::string on_tables(const Schema& schema, std::string_view tables);

}  // namespace penstock::store::postgres
