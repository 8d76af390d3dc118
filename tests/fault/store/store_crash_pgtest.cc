// The program that appends is killed, Postgres crashes, and the services that append by SQL lose their sessions, at
// any moment, under load.
#include <signal.h>
#include <sys/wait.h>

#include "tests/fault/store/store_load.h"

namespace penstock::tests {
namespace {

class StoreCrashes : public StoreUnderLoad {};

TEST_F(StoreCrashes, LoseNothingAndKeepTheOrder) {
  start_services();
  int died_at_a_point = 0, crashes = 0;
  for (int cycle = 0; cycle < crash_cycles(); ++cycle) {
    const bool at_a_point = cycle % 3 != 2;
    const std::string point = cycle % 2 == 0 ? "store.append_before_commit" : "store.append_after_commit";
    OtherProgram program({PENSTOCK_APPENDING_PROGRAM, database_->url(), "cycle-" + std::to_string(cycle)},
                         at_a_point ? point + ":" + std::to_string(1 + random_.below(15)) : "");
    program.wait_for_lines(1 + random_.below(30));
    database_->execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'service-" +
                       std::to_string(cycle % kServices) + "' AND datname = current_database()");
    if (cycle % 10 == 5) {
      ServerControl::crash_and_restart_postgres();
      ++crashes;
    }
    if (!at_a_point) program.kill(SIGKILL);
    note_acknowledged(program);
    died_at_a_point += at_a_point && WIFSIGNALED(program.wait());
  }
  judge();
  // The run did what it says.
  EXPECT_GE(died_at_a_point, crash_cycles() / 3);
  EXPECT_EQ(crashes, (crash_cycles() + 4) / 10);
}

}  // namespace
}  // namespace penstock::tests
