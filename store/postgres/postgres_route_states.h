// The table in which running instances say how their routes are.
#pragma once

#include "store/postgres/session_pool.h"
#include "store/route_states.h"

namespace penstock::store::postgres {

class PostgresRouteStates final : public RouteStates {
 public:
  PostgresRouteStates(SessionPool& pool, const Schema& schema);

  Status report(const std::vector<RouteState>& states) override;
  Result<std::vector<RouteState>> list() override;

 private:
  SessionPool& pool_;
  const Statement report_, forget_, list_;
};

}  // namespace penstock::store::postgres
