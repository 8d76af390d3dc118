// The table of source checkpoints. An advance is one statement that holds the row of the lease.
#pragma once

#include "core/source_checkpoints.h"
#include "store/postgres/session_pool.h"

namespace penstock::store::postgres {

class PostgresSourceCheckpoints final : public SourceCheckpoints {
 public:
  PostgresSourceCheckpoints(SessionPool& pool, const Schema& schema);

  Result<std::optional<SourceCheckpoint>> load(std::string_view source) override;
  Status advance(const Lease& lease, std::string_view source, const std::optional<SourceCheckpoint>& from,
                 const SourceCheckpoint& to) override;

 private:
  SessionPool& pool_;
  const Statement load_, advance_;
};

}  // namespace penstock::store::postgres
