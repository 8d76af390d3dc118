// penstock run as a process: outbox to store to console on SQLite, signals, and what it does not exit for.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <csignal>
#include <nlohmann/json.hpp>
#include <set>

#include "tests/integration/cli/program.h"

namespace penstock::tests {
namespace {

using nlohmann::json;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kConfiguration = R"(
[store]
url = "sqlite:events.db"
[[source]]
name = "orders"
kind = "outbox"
url = "sqlite:orders.db"
table = "outbox"
order_by = "seq"
[[sink]]
name = "out"
kind = "console"
[[route]]
from = "orders"
to = "store"
[[route]]
from = "store"
to = "out"
)";

void execute(const std::string& file, const std::string& sql) {
  sqlite3* database = nullptr;
  sqlite3_open(file.c_str(), &database);
  sqlite3_busy_timeout(database, 10'000);
  char* problem = nullptr;
  const int code = sqlite3_exec(database, sql.c_str(), nullptr, nullptr, &problem);
  const std::string words = problem == nullptr ? "" : problem;
  sqlite3_free(problem);
  sqlite3_close(database);
  if (code != SQLITE_OK) throw std::runtime_error(words);
}

class Run : public testing::Test {
 protected:
  Run() {
    folder_.write("penstock.toml", kConfiguration);
    execute(folder_.file("orders.db"),
            "PRAGMA journal_mode = wal;"
            "CREATE TABLE outbox (seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, aggregatetype TEXT NOT NULL,"
            " aggregateid TEXT NOT NULL, type TEXT NOT NULL, payload TEXT)");
  }

  // Commits events number first … last of one order.
  void commit(int first, int last) {
    std::string sql = "BEGIN;";
    for (int n = first; n <= last; ++n) {
      std::string digits = std::to_string(n);
      digits.insert(0, 12 - digits.size(), '0');
      sql += "INSERT INTO outbox (id, aggregatetype, aggregateid, type, payload) VALUES ('0198d2f0-0000-7000-8000-" +
             digits + "', 'order', '7', 'placed', '{\"n\":" + std::to_string(n) + "}');";
    }
    execute(folder_.file("orders.db"), sql + "COMMIT;");
  }

  static std::size_t lines(const std::string& text) { return static_cast<std::size_t>(std::ranges::count(text, '\n')); }

  ProgramFolder folder_;
};

TEST_F(Run, RelaysAnOutboxThroughTheStoreInOrder) {
  commit(1, 20);
  RunningProgram program(folder_, "run", {"run"});
  ASSERT_TRUE(program.wait_until([&] { return lines(program.out()) >= 20; })) << program.err();
  commit(21, 40);
  ASSERT_TRUE(program.wait_until([&] { return lines(program.out()) >= 40; })) << program.err();
  program.signal(SIGTERM);
  EXPECT_EQ(program.wait_for_end(), 0) << program.err();
  std::istringstream out(program.out());
  int n = 0;
  for (std::string line; std::getline(out, line);) {
    const json event = json::parse(line);
    EXPECT_EQ(event.at("data").at("n"), ++n);
    EXPECT_EQ(event.at("position"), std::to_string(n));
    EXPECT_EQ(event.at("version"), n - 1);
  }
  EXPECT_EQ(n, 40);
}

TEST_F(Run, LeavesNothingToRepeatAfterSigterm) {
  commit(1, 10);
  RunningProgram first(folder_, "first", {"run"});
  ASSERT_TRUE(first.wait_until([&] { return lines(first.out()) >= 10; })) << first.err();
  first.signal(SIGTERM);
  EXPECT_EQ(first.wait_for_end(), 0) << first.err();

  commit(11, 11);
  RunningProgram second(folder_, "second", {"run"});
  ASSERT_TRUE(second.wait_until([&] { return lines(second.out()) >= 1; })) << second.err();
  second.signal(SIGTERM);
  EXPECT_EQ(second.wait_for_end(), 0) << second.err();
  EXPECT_EQ(lines(second.out()), 1u) << second.out();
}

TEST_F(Run, LosesNothingWhenItIsKilled) {
  std::set<int> arrived;
  for (int round = 0; round < 3; ++round) {
    commit(round * 50 + 1, round * 50 + 50);
    RunningProgram program(folder_, "round" + std::to_string(round), {"run"});
    const std::size_t enough = round < 2 ? 5 : 1;
    program.wait_until([&] { return lines(program.out()) >= enough; });
    if (round == 2) {
      program.wait_until([&] { return program.out().find("\"n\":150}") != std::string::npos; });
    }
    program.signal(SIGKILL);
    EXPECT_EQ(program.wait_for_end(), 128 + SIGKILL);
    std::istringstream out(program.out());
    for (std::string line; std::getline(out, line);) {
      const json event = json::parse(line, nullptr, false);
      if (!event.is_discarded()) arrived.insert(event.at("data").at("n").get<int>());
    }
  }
  EXPECT_EQ(arrived.size(), 150u);
}

TEST_F(Run, EndsAtOnceAtTheSecondSignal) {
  folder_.environment["PENSTOCK_SHUTDOWN__GRACE_MS"] = "3600000";
  commit(1, 5'000);
  RunningProgram program(folder_, "run", {"run"}, RunningProgram::Output::kUnreadPipe);
  ASSERT_TRUE(program.wait_until([&] { return program.err().find("store-to-out is running") != std::string::npos; }));
  ASSERT_TRUE(program.wait_until([&] {
    const json status = json::parse(folder_.call({"status", "-o", "json"}).out, nullptr, false);
    return !status.is_discarded() && status.at("store").at("head") == "5000";
  }));
  program.signal(SIGTERM);
  ASSERT_TRUE(program.wait_until([&] { return program.err().find("stopping") != std::string::npos; }));
  EXPECT_EQ(program.wait_for_end(seconds(1)), -1) << "the reader of its output stands still, so it drains";
  program.signal(SIGTERM);
  EXPECT_EQ(program.wait_for_end(seconds(3)), 0);
}

TEST_F(Run, LogsJsonLinesOnDemand) {
  RunningProgram program(folder_, "run", {"run", "--log-format", "json"});
  ASSERT_TRUE(program.wait_until([&] { return lines(program.err()) >= 3; }));
  program.signal(SIGINT);
  EXPECT_EQ(program.wait_for_end(), 0);
  std::istringstream err(program.err());
  for (std::string line; std::getline(err, line);) {
    const json object = json::parse(line);
    EXPECT_TRUE(object.contains("ts") && object.contains("level") && object.contains("msg")) << line;
  }
}

TEST_F(Run, WaitsForAStoreThatIsAwayAndSaysSoOnce) {
  folder_.environment["PENSTOCK_STORE__URL"] = "postgresql://u:canary@127.0.0.1:1/none";
  RunningProgram program(folder_, "run", {"run"});
  ASSERT_TRUE(program.wait_until([&] { return program.err().find("store.unavailable") != std::string::npos; }));
  EXPECT_EQ(program.wait_for_end(seconds(2)), -1);
  EXPECT_EQ(lines(program.err()), 1u) << program.err();
  program.signal(SIGTERM);
  EXPECT_EQ(program.wait_for_end(), 0);
  EXPECT_THAT(program.err(), Not(HasSubstr("canary")));
}

TEST_F(Run, GoesOnWhenTheSourceComesUpLater) {
  folder_.environment["PENSTOCK_LOG__FORMAT"] = "json";
  std::string text(kConfiguration);
  text.replace(text.find("sqlite:orders.db"), 16, "sqlite:later.db");
  folder_.write("penstock.toml", text);
  RunningProgram program(folder_, "run", {"run"});
  ASSERT_TRUE(program.wait_until([&] { return program.err().find("outbox.") != std::string::npos; })) << program.err();
  commit(1, 3);
  execute(folder_.file("orders.db"), "VACUUM INTO '" + folder_.file("later.db") + "'");
  ASSERT_TRUE(program.wait_until([&] { return lines(program.out()) >= 3; })) << program.err();
}

TEST_F(Run, RefusesAStoreThatIsNewerThanItself) {
  ASSERT_EQ(folder_.call({"migrate"}).exit_code, 0);
  execute(folder_.file("events.db"), "PRAGMA user_version = 999");
  const Ended ended = folder_.call({"run"});
  EXPECT_EQ(ended.exit_code, 78) << ended.err;
  EXPECT_THAT(ended.err, HasSubstr("store.schema_too_new"));
}

TEST_F(Run, StandsByWhileAnotherInstanceHoldsTheRoutes) {
  RunningProgram first(folder_, "first", {"run"});
  ASSERT_TRUE(first.wait_until([&] { return lines(first.err()) >= 3; }));
  RunningProgram second(folder_, "second", {"run"});
  ASSERT_TRUE(second.wait_until([&] { return second.err().find("relay.standby") != std::string::npos; }))
      << second.err();
  first.signal(SIGTERM);
  EXPECT_EQ(first.wait_for_end(), 0);
  commit(1, 3);
  EXPECT_TRUE(second.wait_until([&] { return lines(second.out()) >= 3; })) << second.err();
}

}  // namespace
}  // namespace penstock::tests
