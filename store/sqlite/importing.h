// Whether the file is being filled by an import (store/transfer.h).
#pragma once

#include "store/sqlite/connection.h"

namespace penstock::store::sqlite {

// store.importing while it is. Inside of the write transaction that this is asked in, the answer stays true.
Status refuse_while_importing(Connection& connection);

}  // namespace penstock::store::sqlite
