// Checkpoints over a SQLite file: lease, compare-and-set and the event's id in one transaction.
#pragma once

#include "store/checkpoints.h"
#include "store/sqlite/database.h"

namespace penstock::store::sqlite {

// EventLog::generation: a file that takes the place of this one breaks its connections.
inline constexpr std::uint64_t kOnlyGeneration = 0;

Result<StoreIdentity> read_identity(Connection& connection);
Result<std::optional<Checkpoint>> find_checkpoint(Connection& connection, std::string_view route);
// The event at a position, also one that was scavenged; nil at 0, nullopt where there is none.
Result<std::optional<EventId>> find_event_at(Connection& connection, Position position);
// Replaces the one that is there. Error: store.corrupt when there is no event at the position.
Result<Checkpoint> write_checkpoint(Connection& connection, const Lease& lease, std::string_view route,
                                    Position position);

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
