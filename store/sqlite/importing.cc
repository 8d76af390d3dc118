#include "store/sqlite/importing.h"

#include "store/store_faults.h"

namespace penstock::store::sqlite {

Status refuse_while_importing(Connection& connection) {
  const auto importing = connection.read_number("SELECT importing FROM head");
  if (!importing) return fail(importing.error());
  return *importing == 0 ? Status() : fail(import_unfinished());
}

}  // namespace penstock::store::sqlite
