// Retention over a SQLite file.
#pragma once

#include <functional>

#include "store/retention.h"
#include "store/sqlite/database.h"

namespace penstock::store::sqlite {

class SqliteRetention final : public Retention {
 public:
  explicit SqliteRetention(Database& database) : database_(database) {}

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

  Database& database_;
};

// What is to be read of a stream, as the file says.
Result<std::optional<StreamRetention>> find_retention(Connection& connection, std::string_view stream);
Status write_retention(Connection& connection, std::string_view stream, const StreamRetention& retention);
// When the oldest event that the limit of the age leaves was recorded at the earliest; 0 without a limit.
std::int64_t oldest_readable(const StreamLimits& limits);

}  // namespace penstock::store::sqlite
