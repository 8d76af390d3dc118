// The table of what was begun and not ended.
#pragma once

#include "store/attempts.h"
#include "store/sqlite/database.h"

namespace penstock::store::sqlite {

class SqliteAttempts final : public Attempts {
 public:
  explicit SqliteAttempts(Database& database) : database_(database) {}

  Result<RouteAttempts> load(std::string_view route) override;
  Status count_openings(std::string_view route, std::uint32_t openings) override;
  Status count_row(std::string_view route, const RowAttempts& row, std::optional<std::string_view> ended) override;
  Status forget(std::string_view route) override;

 private:
  Database& database_;
};

}  // namespace penstock::store::sqlite
