// The table of gap records.
#pragma once

#include "store/gaps.h"
#include "store/postgres/session_pool.h"

namespace penstock::store::postgres {

class PostgresGaps final : public Gaps {
 public:
  PostgresGaps(SessionPool& pool, const Schema& schema);

  Result<std::int64_t> record(const GapRecord& gap) override;
  Result<std::vector<GapRecord>> list(std::int64_t after, std::size_t limit) override;
  Result<std::optional<GapRecord>> find(std::int64_t number) override;
  Result<std::optional<GapRecord>> find_open(std::string_view route) override;
  Status acknowledge(std::int64_t number, std::string_view by) override;

 private:
  Result<Rows> ask(const Statement& statement, const Parameters& parameters);

  SessionPool& pool_;
  const Statement insert_, number_, list_, find_, find_open_, acknowledge_;
};

}  // namespace penstock::store::postgres
