// The table of checkpoints. Each change is one transaction that holds the row of the lease, so that a
// new owner can't come in between the look at the epoch and the commit.
#pragma once

#include <functional>

#include "store/checkpoints.h"
#include "store/postgres/session_pool.h"

namespace penstock::store::postgres {

class PostgresCheckpoints final : public Checkpoints {
 public:
  PostgresCheckpoints(SessionPool& pool, const Schema& schema);

  Result<std::optional<Checkpoint>> load(std::string_view route) override;
  Result<Checkpoint> create(const Lease& lease, std::string_view route, Position start) override;
  Status advance(const Lease& lease, std::string_view route, Position from, const Settled& to) override;
  Status rename(const Lease& lease, std::string_view old_route, std::string_view route) override;
  Result<std::vector<std::pair<std::string, Checkpoint>>> list() override;

 private:
  // Sees what `reads` answered, under the lease; answers the statement that changes something, if any.
  using Decide = std::function<Result<std::optional<Call>>(std::span<const Rows> answers)>;
  Status under_lease(const Lease& lease, std::span<const Call> reads, const Decide& decide);
  Status run_under_lease(Session& session, const Lease& lease, std::span<const Call> reads, const Decide& decide,
                         Deadline deadline);

  SessionPool& pool_;
  const Statement begin_, commit_, hold_lease_, load_, point_, insert_, move_, rename_, list_;
};

}  // namespace penstock::store::postgres
