// Which function of the server appends a request that is alone in its batch, and with what. Both answer first version
// and first position, or no row for what only the whole append transaction can judge.
#pragma once

#include "store/event_store.h"
#include "store/postgres/append_statements.h"
#include "store/postgres/parameters.h"

namespace penstock::store::postgres {

struct LoneAppend {
  const Statement& statement;
  Parameters parameters;
};

// Whether there is one.
bool is_plain(const AppendRequest& request);

// `request` is plain, and outlives the answer.
LoneAppend lone_append(const AppendRequest& request, std::int64_t incarnation, const AppendStatements& statements);

}  // namespace penstock::store::postgres
