// ParkedEvents over a SQLite file.
#pragma once

#include "store/parked_events.h"
#include "store/sqlite/database.h"

namespace penstock::store::sqlite {

class SqliteParked final : public ParkedEvents {
 public:
  explicit SqliteParked(Database& database) : database_(database) {}

  Status park(const std::vector<ParkedEvent>& rows) override;
  Result<std::vector<ParkedEvent>> list(std::string_view route, std::int64_t after, std::size_t limit) override;
  Result<std::optional<ParkedEvent>> find(std::int64_t number) override;
  Result<std::vector<std::string>> kept_by_reference(std::string_view route, std::string_view source) override;
  Result<std::uint64_t> count(std::string_view route) override;

 private:
  Database& database_;
};

}  // namespace penstock::store::sqlite
