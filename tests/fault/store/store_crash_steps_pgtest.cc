// Postgres crashes, or ends the session of the program that appends, at each step of an append and of a sweep; the
// program lives on.
#include <signal.h>

#include "tests/fault/store/store_load.h"
#include "tests/support/eventually.h"

namespace penstock::tests {
namespace {

using store::postgres::Session;

// The program is held there: at a crash point, or where a statement of its transaction needs a table that the test has
// locked. A whole append is one statement where it is alone, and a sweep always is.
struct Step {
  const char* name;
  const char* point;
  const char* table = nullptr;
  const char* lock = nullptr;
};

constexpr Step kSteps[] = {
    {"locking the head", nullptr, "head", "EXCLUSIVE"}, {"locking the streams", nullptr, "streams", "EXCLUSIVE"},
    {"sweeping the inbox", nullptr, "inbox", "SHARE"},  {"writing events", nullptr, "events", "SHARE"},
    {"writing tags", nullptr, "tags", "SHARE"},         {"moving the streams", nullptr, "streams", "SHARE"},
    {"moving the head", nullptr, "head", "SHARE"},      {"before the commit", "store.append_before_commit"},
    {"after the commit", "store.append_after_commit"},
};

class StoreCrashesAtSteps : public StoreUnderLoad {
 protected:
  enum class Fault { kServerCrashes, kSessionEnds };

  void run(Fault fault) {
    start_services();
    const int all = static_cast<int>(std::size(kSteps));
    // Half of the cycles: the other fault has a test of its own.
    const int rounds = (crash_cycles() / 2 + all - 1) / all;
    for (int cycle = 0; cycle < rounds * all; ++cycle) {
      const Step& step = kSteps[cycle % all];
      SCOPED_TRACE(step.name);
      ASSERT_NO_FATAL_FAILURE(strike(step, fault, "cycle-" + std::to_string(cycle)));
    }
    judge();
  }

 private:
  void strike(const Step& step, Fault fault, const std::string& program_name) {
    const std::string point =
        step.point == nullptr ? "" : std::string(step.point) + ":" + std::to_string(1 + random_.below(15)) + ":stop";
    OtherProgram program({PENSTOCK_APPENDING_PROGRAM, database_->url(), program_name}, point);
    const std::string session = "penstock " + program_name + " append";
    std::unique_ptr<Session> holder;
    if (step.point != nullptr) {
      ASSERT_TRUE(program.wait_for_stop());
    } else {
      ASSERT_TRUE(program.wait_for_lines(1 + random_.below(20)));
      holder = hold(step, program, session);
      ASSERT_TRUE(holder) << "the program never came here";
    }
    const std::string last = last_of_program();
    if (fault == Fault::kServerCrashes)
      ServerControl::crash_and_restart_postgres();
    else
      EXPECT_EQ(database_->value("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity" + of(session)), "1");
    holder.reset();
    program.kill(SIGCONT);
    EXPECT_TRUE(eventually([&] {
      program.take_output();
      return last_of_program() != last;
    })) << "the program does not go on";
    program.kill(SIGKILL);
    note_acknowledged(program);
  }

  // A session with the lock of the step, for which the program's waits. Not each of its transactions comes there: some
  // have no tags, or find nothing in the inbox. Null if none did.
  std::unique_ptr<Session> hold(const Step& step, OtherProgram& program, const std::string& waiting) {
    const std::string table = "penstock." + std::string(step.table);
    for (int attempt = 0; attempt < 20; ++attempt) {
      store::postgres::SessionSettings settings;
      settings.url = Secret(database_->url());
      auto holder = Session::open(settings, soon());
      const auto locked = (*holder)->execute(
          "SET idle_in_transaction_session_timeout = 0; BEGIN; LOCK TABLE " + table + " IN " + step.lock + " MODE",
          soon());
      if (!locked) continue;
      const auto is_held = [&] {
        program.take_output();
        return database_->value("SELECT count(*) FROM pg_locks JOIN pg_stat_activity a USING (pid)" + of(waiting) +
                                " AND NOT granted AND relation = '" + table + "'::regclass") != "0";
      };
      if (eventually(is_held, Deadline::in(std::chrono::milliseconds(500)))) return std::move(*holder);
    }
    return nullptr;
  }

  static std::string of(const std::string& session) { return " WHERE application_name = '" + session + "'"; }
  std::string last_of_program() {
    return database_->value("SELECT max(position) FROM penstock.events WHERE type = 'by_program'");
  }
};

TEST_F(StoreCrashesAtSteps, OfTheServerLoseNothingAndKeepTheOrder) { run(Fault::kServerCrashes); }

TEST_F(StoreCrashesAtSteps, OfTheSessionLoseNothingAndKeepTheOrder) { run(Fault::kSessionEnds); }

}  // namespace
}  // namespace penstock::tests
