// Checkpoints of sources over a SQLite file: lease and compare-and-set in one transaction.
#pragma once

#include "core/source_checkpoints.h"
#include "store/sqlite/database.h"

namespace penstock::store::sqlite {

class SqliteSourceCheckpoints final : public SourceCheckpoints {
 public:
  explicit SqliteSourceCheckpoints(Database& database) : database_(database) {}

  Result<std::optional<SourceCheckpoint>> load(std::string_view source) override;
  Status advance(const Lease& lease, std::string_view source, const std::optional<SourceCheckpoint>& from,
                 const SourceCheckpoint& to) override;

 private:
  Database& database_;
};

}  // namespace penstock::store::sqlite
