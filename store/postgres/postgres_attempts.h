// The table of what was begun and not ended.
#pragma once

#include "store/attempts.h"
#include "store/postgres/session_pool.h"

namespace penstock::store::postgres {

class PostgresAttempts final : public Attempts {
 public:
  PostgresAttempts(SessionPool& pool, const Schema& schema);

  Result<RouteAttempts> load(std::string_view route) override;
  Status count_openings(std::string_view route, std::uint32_t openings) override;
  Status count_row(std::string_view route, const RowAttempts& row, std::optional<std::string_view> ended) override;
  Status forget(std::string_view route) override;

 private:
  Status change(const std::vector<Call>& calls);

  SessionPool& pool_;
  const Statement load_, set_, remove_, forget_;
};

}  // namespace penstock::store::postgres
