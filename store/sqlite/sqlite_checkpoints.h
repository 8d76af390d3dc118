// Checkpoints over a SQLite file: lease, compare-and-set and the event's id in one transaction.
#pragma once

#include "store/checkpoints.h"
#include "store/sqlite/database.h"

namespace penstock::store::sqlite {

Result<StoreIdentity> read_identity(Connection& connection);

class SqliteCheckpoints final : public Checkpoints {
 public:
  explicit SqliteCheckpoints(Database& database) : database_(database) {}

  Result<std::optional<Checkpoint>> load(std::string_view route) override;
  Result<Checkpoint> create(const Lease& lease, std::string_view route, Position start) override;
  Status advance(const Lease& lease, std::string_view route, Position from, const Settled& to) override;
  Status rename(const Lease& lease, std::string_view old_route, std::string_view route) override;
  Result<std::vector<std::pair<std::string, Checkpoint>>> list() override;

 private:
  Database& database_;
};

}  // namespace penstock::store::sqlite
