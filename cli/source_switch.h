// What `penstock sources switch` does, step by step: the store's part and the order of all of it. What is asked of the
// source's database is connectors/wal/source_switch.h.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/invocation.h"
#include "config/settings.h"
#include "connectors/wal/source_switch.h"
#include "core/clock.h"
#include "core/lease.h"
#include "store/store.h"

namespace penstock::cli {

struct SwitchWish {
  std::string slot, publication;  // empty: the default names
  enum class Do { kAll, kPlan } what = Do::kAll;
  // Of a lease that another instance holds.
  enum class Held { kRefuse, kAwait } held = Held::kRefuse;
  Deadline until = Deadline::in(std::chrono::seconds(60));  // for all of it
};

// Says what it did, or would do. Each call finishes what an earlier one left. Errors say where it ended: those of the
// parts, relay.standby while another instance drives the route, and core.timeout. A call of the store that is under way
// when the time is over takes its own, some seconds.
class SourceSwitch {
 public:
  // All outlive it; `route` leads from `source`.
  SourceSwitch(const config::Settings& settings, const config::Endpoint& source, const config::Route& route,
               store::Store& store, Invocation& invocation, SwitchWish wish);
  ~SourceSwitch();
  SourceSwitch(const SourceSwitch&) = delete;
  SourceSwitch& operator=(const SourceSwitch&) = delete;

  // Of a source that is polled, while it is.
  Status to_log();
  // Of a source that is read from the log, while nobody reads it.
  Status to_polling();

 private:
  using Stored = std::optional<SourceCheckpoint>;
  using Steps = std::vector<wal::SwitchStep>;
  using Keys = std::vector<std::pair<std::string, std::string>>;

  bool only_plans() const { return wish_.what == SwitchWish::Do::kPlan; }
  void say(const std::string& line);
  void say_plan(const Steps& steps);
  void say_configuration(std::string_view new_kind, const Keys& keys);

  // For one call of the source's database.
  Deadline soon() const;
  bool has_time_for_another_look() const;
  Status take_lease();
  void give_lease_back();
  Status say_that_it_is_polled(const Stored& stored, const store::postgres::ServerFacts& server);
  Status carry_out(wal::SwitchSession& session, const Steps& steps);
  Result<Steps> await_steps_to_log(wal::SwitchSession& session, const wal::WalSettings& settings);
  Result<Steps> await_steps_to_polling(wal::SwitchSession& session, const wal::WalSettings& settings);
  void say_what_is_lost(const wal::WalDatabase& database);
  Status say_what_stays(wal::SwitchSession& session, const wal::WalSettings& settings);
  Status await_older_rows(wal::SwitchSession& session);
  // What of it is waited for; empty: nothing. `highest`: of the rows that were committed before transaction `next`,
  // once it is known.
  Result<std::string> look_for_older_rows(wal::SwitchSession& session, const std::string& next,
                                          std::optional<std::int64_t>& highest, const std::vector<std::string>& kept);

  const config::Settings& settings_;
  const config::Endpoint& source_;
  const config::Route& route_;
  store::Store& store_;
  Invocation& invocation_;
  const SwitchWish wish_;
  std::optional<Lease> lease_;
};

}  // namespace penstock::cli
