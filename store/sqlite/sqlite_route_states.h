// RouteStates over a SQLite file.
#pragma once

#include "store/route_states.h"
#include "store/sqlite/database.h"

namespace penstock::store::sqlite {

class SqliteRouteStates final : public RouteStates {
 public:
  explicit SqliteRouteStates(Database& database) : database_(database) {}

  Status report(const std::vector<RouteState>& states) override;
  Result<std::vector<RouteState>> list() override;

 private:
  Database& database_;
};

}  // namespace penstock::store::sqlite
