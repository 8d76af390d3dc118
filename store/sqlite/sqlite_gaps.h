// Gaps over a SQLite file.
#pragma once

#include "store/gaps.h"
#include "store/sqlite/database.h"

namespace penstock::store::sqlite {

class SqliteGaps final : public Gaps {
 public:
  explicit SqliteGaps(Database& database) : database_(database) {}

  Result<std::int64_t> record(const GapRecord& gap) override;
  Result<std::vector<GapRecord>> list(std::int64_t after, std::size_t limit) override;
  Result<std::optional<GapRecord>> find(std::int64_t number) override;
  Result<std::optional<GapRecord>> find_open(std::string_view route) override;
  Status acknowledge(std::int64_t number, std::string_view by) override;

 private:
  Database& database_;
};

}  // namespace penstock::store::sqlite
