// Rows of the fault matrix that concern polling and come from the line to the server, or from what an
// administrator does to server and table; each by its number.
#include <gmock/gmock.h>

#include <future>
#include <set>
#include <thread>

#include "tests/integration/outbox/outbox_fixture.h"
#include "tests/support/eventually.h"
#include "tests/support/tcp_gate.h"

namespace penstock::tests {
namespace {

using connectors::Source;

class OutboxLine : public OutboxTest {
 protected:
  // The table is read through there from now on.
  void go_through(std::uint16_t port) {
    outbox().settings().url = Secret(outbox().url() + "?host=127.0.0.1&port=" + std::to_string(port));
  }
  std::uint16_t server_port() { return static_cast<std::uint16_t>(std::stoi(outbox().value("SHOW port"))); }
  static std::string code_of_read(Source& source) {
    const auto batch = source.read(kMuchRoom, Deadline::in(std::chrono::seconds(30)), {});
    return batch ? "ok" : std::string(batch.error().code().name);
  }
  // As the relay does: again, until the server has let go of the lost session.
  std::unique_ptr<Source> open_again() {
    const auto deadline = Deadline::in(std::chrono::seconds(20));
    for (;;) {
      auto source = outbox().make_source();
      const auto opened = source->open({}, Deadline::in(std::chrono::seconds(5)), {});
      if (opened) return source;
      if (deadline.expired()) throw std::runtime_error(opened.error().describe());
    }
  }
};

TEST_F(OutboxLine, Fault3And4EndACallThatTheServerDoesNotAnswer) {
  TcpGate gate(server_port());
  go_through(gate.port());
  outbox().insert_many(3);
  auto source = open();
  ASSERT_EQ(read(*source).size(), 3U);
  gate.hold();
  EXPECT_EQ(code_of(source->settle(ReadMark{1})), "core.timeout");
  source = nullptr;
  EXPECT_NE(code_of(try_open()), "ok");
  gate.release();
  // What was said before may have reached the server, or not.
  const auto left = read_until(*open_again(), 2);
  EXPECT_THAT(left.size(), testing::AllOf(testing::Ge(2U), testing::Le(3U)));
}

// Fault 3: the first scan of an opening may take a minute, over dead rows; a server that hangs meanwhile is noticed
// long before.
TEST_F(OutboxLine, Fault3NoticesAServerThatHangsDuringALongScan) {
  TcpGate gate(server_port());
  go_through(gate.port());
  outbox().insert("a", 1);
  const auto source = open();
  const auto locker = writer();
  locker->run("BEGIN; LOCK TABLE shop.outbox IN ACCESS EXCLUSIVE MODE");
  auto reading = std::async(std::launch::async,
                            [&] { return source->read(kMuchRoom, Deadline::in(std::chrono::seconds(1)), {}); });
  const bool scans = eventually([&] {
    return outbox().value("SELECT count(*) FROM pg_locks WHERE relation = 'shop.outbox'::regclass AND NOT granted") ==
           "1";
  });
  gate.hold();
  locker->run("ROLLBACK");
  const auto batch = reading.get();
  gate.release();
  ASSERT_TRUE(scans);
  ASSERT_FALSE(batch);
  EXPECT_EQ(batch.error().code().name, "core.timeout");
  EXPECT_THAT(batch.error().describe(), testing::HasSubstr("nor a new session"));
  EXPECT_EQ(data_of(read_until(*open_again(), 1)), "1");
}

// Fault 3, the other way round: a server that works for long is not taken for a dead one.
TEST_F(OutboxLine, Fault3WaitsForALongScanOfAServerThatLives) {
  outbox().execute(
      "CREATE TYPE shop.slow AS ENUM ('x');"
      "CREATE FUNCTION shop.words(shop.slow) RETURNS text LANGUAGE plpgsql AS"
      " $$BEGIN PERFORM pg_sleep(5); RETURN 'x'; END$$;"
      "CREATE CAST (shop.slow AS text) WITH FUNCTION shop.words(shop.slow);"
      "ALTER TABLE shop.outbox ADD note shop.slow DEFAULT 'x'");
  outbox().insert("a", 1);
  EXPECT_EQ(data_of(read(*open())), "1");
}

// Before the delete, between it and its commit, before the answer: the line is cut at any moment of settling.
TEST_F(OutboxLine, Fault5LosesAndRepeatsNothingWhateverAnswerIsLost) {
  constexpr int kRounds = 20;
  TcpGate gate(server_port());
  go_through(gate.port());
  SeededRandom random(seed_of_this_run());
  std::set<EventId> acknowledged;
  for (int round = 0; round < kRounds; ++round) {
    outbox().insert("a", round);
    const auto source = open_again();
    const auto items = read_until(*source, 1);
    ASSERT_FALSE(items.empty());
    for (const auto& item : items) EXPECT_FALSE(acknowledged.contains(item.event->id)) << "round " << round;
    std::jthread cutter([&, after = std::chrono::microseconds(random.below(4'000))] {
      std::this_thread::sleep_for(after);
      gate.cut();
    });
    if (!source->settle(ReadMark{items.size()})) continue;
    for (const auto& item : items) acknowledged.insert(item.event->id);
  }
  const auto source = open_again();
  const auto left = read(*source);
  const Status settled = left.empty() ? Status() : source->settle(ReadMark{left.size()});
  EXPECT_TRUE(settled);
  EXPECT_EQ(outbox().rows(), 0U);
}

TEST_F(OutboxLine, Fault6ReadsOnOverALineThatStallsAgainAndAgain) {
  TcpGate gate(server_port());
  go_through(gate.port());
  outbox().insert_many(200, 2'000);
  const auto source = open();
  std::jthread stalling([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      gate.hold();
      std::this_thread::sleep_for(std::chrono::milliseconds(40));
      gate.release();
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    gate.release();
  });
  ASSERT_EQ(read_until(*source, 200).size(), 200U);
  EXPECT_TRUE(source->settle(ReadMark{200}));
  EXPECT_EQ(outbox().rows(), 0U);
}

TEST_F(OutboxLine, Fault13RefusesADatabaseThatCannotBeWritten) {
  outbox().insert("a", 1);
  outbox().execute(
      "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on',"
      " current_database()); END $$");
  const auto refused = try_open();
  EXPECT_EQ(code_of(refused), "outbox.unavailable");
  EXPECT_THAT(refused.error().describe(), testing::HasSubstr("read-only"));
  const auto administrator = writer();
  administrator->run("SET default_transaction_read_only = off");
  administrator->run(
      "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I RESET default_transaction_read_only', current_database()); END "
      "$$");
  EXPECT_EQ(data_of(read(*open())), "1");
}

TEST_F(OutboxLine, Fault21IgnoresAColumnThatIsAddedAndStopsAtOneThatIsGone) {
  outbox().insert("a", 1);
  auto source = open();
  ASSERT_EQ(data_of(read(*source)), "1");
  outbox().execute("ALTER TABLE shop.outbox ADD COLUMN region text DEFAULT 'eu'");
  outbox().insert("a", 2);
  EXPECT_EQ(data_of(read_until(*source, 1)), "2");

  outbox().execute("ALTER TABLE shop.outbox RENAME COLUMN payload TO body");
  EXPECT_NE(code_of_read(*source), "ok");
  const auto refused = try_open();
  EXPECT_EQ(refused.error().code().kind, ErrorKind::kInvalid) << refused.error().describe();
  EXPECT_THAT(refused.error().describe(), testing::HasSubstr("payload"));

  outbox().execute("ALTER TABLE shop.outbox RENAME COLUMN body TO payload");
  EXPECT_EQ(data_of(read_until(*open_again(), 2)), "1 2");
}

}  // namespace
}  // namespace penstock::tests
