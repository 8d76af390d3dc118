// Retention over the table of streams, whose row is locked for each change, and the function that scavenges.
#pragma once

#include <functional>

#include "store/postgres/session_pool.h"
#include "store/retention.h"

namespace penstock::store::postgres {

// $1 name, $2 state, $3 truncate_before, $4 max_count, $5 max_age; for Schema::expand().
inline constexpr std::string_view kWriteRetentionSql =
    "UPDATE @schema@.streams s SET state = $2, truncate_before = $3, max_count = $4, max_age = $5 WHERE s.name = $1";
Parameters retention_row(std::string_view stream, const StreamRetention& retention);

class PostgresRetention final : public Retention {
 public:
  PostgresRetention(SessionPool& pool, const Schema& schema);

  Result<std::optional<StreamRetention>> find(std::string_view stream) override;
  Status remove(std::string_view stream, Removal removal, const ExpectedVersion& expected) override;
  Status truncate(std::string_view stream, Version before) override;
  Status set_limits(std::string_view stream, const StreamLimits& limits) override;
  Result<Scavenged> scavenge(std::size_t most) override;
  Result<DroppedRange> dropped() override;
  Status raise_floor(Position floor, std::span<const std::string> past) override;
  Result<Scavenged> drop(std::size_t most) override;

 private:
  using Judge = std::function<Result<StreamRetention>(const std::optional<StreamRetention>&)>;
  Status change(std::string_view stream, const Judge& judge);
  Status run_change(Session& session, std::string_view stream, const Judge& judge, Deadline deadline);
  Status run_raise(Session& session, Position floor, std::span<const std::string> past, Deadline deadline);

  SessionPool& pool_;
  const Statement begin_, commit_, open_, find_, lock_, change_, candidates_, scavenge_;
  const Statement dropped_, lock_head_, behind_, raise_, drop_;
};

}  // namespace penstock::store::postgres
