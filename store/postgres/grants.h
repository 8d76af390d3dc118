// Which rights on the schema of the store are missing.
#pragma once

#include <string>
#include <vector>

#include "store/postgres/session.h"

namespace penstock::store::postgres {

// The statements, for an administrator, that let the role of this URL use the store: reading and writing its tables,
// or making them where there are none yet. None when nothing is missing. Changes nothing itself.
Result<std::vector<std::string>> missing_grants(const Secret& url, const std::string& schema, Deadline deadline);

}  // namespace penstock::store::postgres
