// The table of rows that were set aside.
#pragma once

#include "store/parked_events.h"
#include "store/postgres/session_pool.h"

namespace penstock::store::postgres {

class PostgresParked final : public ParkedEvents {
 public:
  PostgresParked(SessionPool& pool, const Schema& schema);

  Status park(const std::vector<ParkedEvent>& rows) override;
  Result<std::vector<ParkedEvent>> list(std::string_view route, std::int64_t after, std::size_t limit) override;
  Result<std::optional<ParkedEvent>> find(std::int64_t number) override;
  Result<std::vector<std::string>> kept_by_reference(std::string_view route, std::string_view source) override;
  Result<std::uint64_t> count(std::string_view route) override;

 private:
  SessionPool& pool_;
  const Statement park_, list_, list_route_, find_, by_reference_, count_, count_route_;
};

}  // namespace penstock::store::postgres
