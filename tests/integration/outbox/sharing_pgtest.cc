// Several sources on the sessions of one database.
#include <future>

#include "connectors/outbox/source_sessions.h"
#include "tests/integration/outbox/outbox_fixture.h"
#include "tests/support/eventually.h"
#include "tests/support/peak_memory.h"
#include "tests/support/tcp_gate.h"
#include "tests/support/test_role.h"

namespace penstock::tests {
namespace {

using namespace std::chrono_literals;

constexpr int kSources = 5;

class OutboxSharing : public OutboxTest {
 protected:
  void SetUp() override {
    OutboxTest::SetUp();
    if (IsSkipped()) return;
    for (int i = 0; i < kSources; ++i)
      outbox().execute("CREATE TABLE shop.outbox" + std::to_string(i) + " (LIKE shop.outbox INCLUDING ALL)");
    const std::vector<Secret> urls(kSources, Secret(outbox().url()));
    sessions_ = std::make_unique<outbox::SourceSessions>(urls);
  }

  std::unique_ptr<connectors::Source> make(int table) {
    outbox().settings().source_name = "orders" + std::to_string(table);
    outbox().settings().table.name = "outbox" + std::to_string(table);
    return outbox().make_source(sessions_.get());
  }
  std::unique_ptr<connectors::Source> open(int table) {
    auto source = make(table);
    const auto opened = source->open({}, Deadline::in(10s), {});
    EXPECT_TRUE(opened) << opened.error().describe();
    return source;
  }
  std::vector<std::unique_ptr<connectors::Source>> open_all() {
    std::vector<std::unique_ptr<connectors::Source>> all;
    for (int i = 0; i < kSources; ++i) all.push_back(open(i));
    return all;
  }

  void insert(int table, int number) {
    outbox().execute("INSERT INTO shop.outbox" + std::to_string(table) +
                     "(aggregatetype, aggregateid, type, payload) VALUES ('order', 'a', 'counted', '" +
                     std::to_string(number) + "')");
  }
  void insert_many(int table, int count) {
    outbox().execute("INSERT INTO shop.outbox" + std::to_string(table) +
                     "(aggregatetype, aggregateid, type, payload) SELECT 'order', 'a', 'counted', '0'"
                     " FROM generate_series(1, " +
                     std::to_string(count) + ")");
  }
  // Of table 0: where `when` holds of the rows (`of`) that a statement settles, or of the how-manieth it is
  // (`attempt`), statements take so many seconds longer.
  void wait_in_settlements(const std::string& when, const std::string& seconds) {
    outbox().execute(
        "CREATE SEQUENCE shop.attempts; CREATE SEQUENCE shop.waits MINVALUE 0;"
        " CREATE FUNCTION shop.slow() RETURNS trigger LANGUAGE plpgsql AS $$"
        " DECLARE of bigint := (SELECT count(*) FROM gone); attempt bigint := nextval('shop.attempts'); BEGIN"
        " IF " +
        when + " THEN PERFORM nextval('shop.waits'), pg_sleep(" + seconds +
        "); END IF; RETURN NULL; END $$;"
        " CREATE TRIGGER slow AFTER DELETE ON shop.outbox0 REFERENCING OLD TABLE AS gone FOR EACH STATEMENT"
        " EXECUTE FUNCTION shop.slow(); SELECT nextval('shop.waits')");
  }
  std::string waits() { return outbox().value("SELECT last_value FROM shop.waits"); }
  std::string rows_left() { return outbox().value("SELECT count(*) FROM shop.outbox0"); }
  std::string backends(const std::string& like) const {
    return const_cast<OutboxSharing*>(this)->outbox().value(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE '" + like +
        "'");
  }
  std::string locked_tables() {
    return outbox().value(
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())");
  }

 private:
  std::unique_ptr<outbox::SourceSessions> sessions_;
};

// Fault 7: many sources don't storm a server that has no room for them.
TEST_F(OutboxSharing, Fault7AsksAServerThatRefusesThemOnceForAll) {
  const TestRole role(outbox().url(), "LOGIN CONNECTION LIMIT 0");
  TcpGate gate(static_cast<std::uint16_t>(std::stoi(outbox().value("SHOW port"))));
  const Secret refused("postgresql://" + role.name() + "@127.0.0.1:" + std::to_string(gate.port()) + "/" +
                       outbox().value("SELECT current_database()"));
  outbox::SourceSessions sessions(std::vector<Secret>(kSources, refused));
  const auto ask = [&] {
    const auto seat = sessions.take_seat({refused, "orders", "test"}, Deadline::in(30s), {});
    return seat ? "ok" : seat.error().message();
  };
  EXPECT_NE(ask().find("too many connections"), std::string::npos);
  const auto of_one = gate.round_trips();
  std::vector<std::future<std::string>> all;
  for (int i = 0; i < kSources; ++i) all.push_back(std::async(std::launch::async, ask));
  for (auto& one : all) EXPECT_NE(one.get().find("too many connections"), std::string::npos);
  EXPECT_LT(gate.round_trips(), of_one * (1 + kSources));
  role.alter("CONNECTION LIMIT -1");
  EXPECT_EQ(ask(), "ok");
}

TEST_F(OutboxSharing, SettlesSlowRowsInPartsWithinTheOpening) {
  const auto sources = open_all();
  wait_in_settlements("of = 20", "60");
  insert_many(0, 20);
  ASSERT_EQ(read_until(*sources[0], 20).size(), 20U);
  const Status settled = sources[0]->settle(ReadMark{20});
  EXPECT_TRUE(settled) << settled.error().describe();
  EXPECT_EQ(rows_left(), "0");
  for (std::uint64_t one = 21; one <= 25; ++one) {
    insert(0, 0);
    ASSERT_EQ(read(*sources[0]).size(), 1U);
    ASSERT_TRUE(sources[0]->settle(ReadMark{one}));
  }
  insert_many(0, 20);
  ASSERT_EQ(read_until(*sources[0], 20).size(), 20U);
  EXPECT_TRUE(sources[0]->settle(ReadMark{45}));
  EXPECT_EQ(rows_left(), "0");
  EXPECT_EQ(waits(), "1") << "no settlement of few rows says that many are quick";
}

TEST_F(OutboxSharing, SettlesFewerRowsATurnWhereOthersWaitForIt) {
  const auto sources = open_all();
  wait_in_settlements("of > 10", "1.2");
  for (const std::uint64_t mark : {20U, 40U}) {
    insert_many(0, 20);
    ASSERT_EQ(read_until(*sources[0], 20).size(), 20U);
    ASSERT_TRUE(sources[0]->settle(ReadMark{mark}));
  }
  EXPECT_EQ(waits(), "1");
}

TEST_F(OutboxSharing, GivesASourceWhosePartsAreSlowToSettleASessionOfItsOwn) {
  const auto sources = open_all();
  wait_in_settlements("attempt <= 2", "60");
  insert_many(0, 20);
  ASSERT_EQ(read_until(*sources[0], 20).size(), 20U);
  EXPECT_EQ(code_of(sources[0]->settle(ReadMark{20})), "outbox.busy");
  const Status opened = sources[0]->open({}, Deadline::in(10s), {});
  ASSERT_TRUE(opened) << opened.error().describe();
  EXPECT_EQ(backends("penstock source orders0%"), "1");
  EXPECT_EQ(rows_left(), "0") << "what was delivered is settled before anything is read";
}

// However many openings it takes: only the first of them is one that others wait for.
TEST_F(OutboxSharing, SettlesWhatIsLeftAndSlowOnASessionOfItsOwn) {
  const auto sources = open_all();
  insert_many(0, 200);
  ASSERT_EQ(read_until(*sources[0], 200).size(), 200U);
  outbox().execute(
      "CREATE FUNCTION shop.fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no audit'; END $$;"
      " CREATE TRIGGER fail BEFORE DELETE ON shop.outbox0 EXECUTE FUNCTION shop.fail()");
  ASSERT_EQ(code_of(sources[0]->settle(ReadMark{200})), "outbox.refused");
  outbox().execute("DROP FUNCTION shop.fail CASCADE");
  wait_in_settlements("attempt <= 2", "60");
  EXPECT_EQ(code_of(sources[0]->open({}, Deadline::in(10s), {})), "outbox.busy");
  EXPECT_EQ(waits(), "1");
  EXPECT_EQ(code_of(sources[0]->open({}, Deadline::in(3s), {})), "outbox.busy");
  EXPECT_EQ(waits(), "2");
  const Status opened = sources[0]->open({}, Deadline::in(10s), {});
  ASSERT_TRUE(opened) << opened.error().describe();
  EXPECT_EQ(backends("penstock source orders0%"), "1");
  EXPECT_EQ(rows_left(), "0");
}

TEST_F(OutboxSharing, TakesTwoSessionsADatabaseAndALockForEachTable) {
  const auto sources = open_all();
  EXPECT_EQ(backends("penstock%"), "2");
  EXPECT_EQ(locked_tables(), std::to_string(kSources));
  for (int i = 0; i < kSources; ++i) insert(i, 10 + i);
  for (int i = 0; i < kSources; ++i) {
    auto& source = *sources[static_cast<std::size_t>(i)];
    const auto items = read(source);
    ASSERT_EQ(data_of(items), std::to_string(10 + i));
    EXPECT_TRUE(source.settle(items.back().mark));
  }
  for (int i = 0; i < kSources; ++i)
    EXPECT_EQ(outbox().value("SELECT count(*) FROM shop.outbox" + std::to_string(i)), "0");
}

TEST_F(OutboxSharing, KeepsASecondSourceOfTheProgramOffATable) {
  const auto sources = open_all();
  for (int i = 0; i < kSources; ++i) {
    const auto second = make(i);
    EXPECT_EQ(code_of(second->open({}, Deadline::in(10s), {})), "outbox.locked") << "table " << i;
  }
}

TEST_F(OutboxSharing, FreesTheLockOfASourceThatCloses) {
  const auto sources = open_all();
  sources[0]->close();
  EXPECT_EQ(locked_tables(), std::to_string(kSources - 1));
  insert(0, 7);
  outbox().settings().table.name = "outbox0";
  const auto other_relay = outbox().make_source();
  ASSERT_TRUE(other_relay->open({}, Deadline::in(10s), {}));
  EXPECT_EQ(data_of(read(*other_relay)), "7");
  for (std::size_t i = 1; i < sources.size(); ++i) EXPECT_TRUE(sources[i]->keep_alive());
}

TEST_F(OutboxSharing, LeavesNothingOfASourceThatIsOpenedAgainAndAgain) {
  const auto sources = open_all();
  for (int i = 0; i < 20; ++i) {
    sources[0]->close();
    ASSERT_TRUE(sources[0]->open({}, Deadline::in(10s), {}));
    insert(0, i);
    const auto items = read(*sources[0]);
    ASSERT_EQ(data_of(items), std::to_string(i));
    ASSERT_TRUE(sources[0]->settle(items.back().mark));
    for (const auto& source : sources) ASSERT_TRUE(source->keep_alive());
  }
  EXPECT_EQ(backends("penstock%"), "2");
  EXPECT_EQ(locked_tables(), std::to_string(kSources));
}

TEST_F(OutboxSharing, EndsOnlyTheOpeningThatTheServerRefuses) {
  const auto sources = open_all();
  outbox().execute("ALTER TABLE shop.outbox0 RENAME COLUMN payload TO contents");
  insert(2, 5);
  const auto refused = sources[0]->read(kMuchRoom, Deadline::in(0s), {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code().name, "outbox.table_missing");
  EXPECT_EQ(data_of(read(*sources[2])), "5");
  for (std::size_t i = 1; i < sources.size(); ++i) EXPECT_TRUE(sources[i]->keep_alive());
  EXPECT_EQ(backends("penstock%"), "2");
}

TEST_F(OutboxSharing, EndsTheOpeningsOfASessionThatIsLostAndNoOthers) {
  const auto sources = open_all();
  outbox().execute(
      "SELECT pg_terminate_backend(max(pid)) FROM pg_stat_activity WHERE application_name LIKE 'penstock%'"
      " AND datname = current_database()");
  ASSERT_TRUE(eventually([&] { return backends("penstock%") == "1"; }));
  std::size_t lost = 0;
  for (const auto& source : sources) {
    if (source->read(kMuchRoom, Deadline::in(0s), {})) continue;
    ++lost;
    EXPECT_TRUE(source->open({}, Deadline::in(10s), {}));
  }
  EXPECT_GE(lost, 2U);
  EXPECT_LE(lost, 3U);
  EXPECT_EQ(backends("penstock%"), "2");
  EXPECT_EQ(locked_tables(), std::to_string(kSources));
}

TEST_F(OutboxSharing, GivesASourceThatMadeOthersWaitASessionOfItsOwn) {
  const auto sources = open_all();
  const auto service = writer();
  service->run("BEGIN");
  service->run("LOCK TABLE shop.outbox0 IN ACCESS EXCLUSIVE MODE");
  const auto waited = sources[0]->read(kMuchRoom, Deadline::in(30s), {});
  ASSERT_FALSE(waited);
  EXPECT_EQ(waited.error().code().name, "outbox.busy");
  service->run("ROLLBACK");
  for (std::size_t i = 1; i < sources.size(); ++i) EXPECT_TRUE(sources[i]->keep_alive());
  ASSERT_TRUE(sources[0]->open({}, Deadline::in(10s), {}));
  EXPECT_EQ(backends("penstock source orders0%"), "1");
  EXPECT_EQ(backends("penstock sources%"), "2");
}

TEST_F(OutboxSharing, WakesEachSourceByItsOwnChannel) {
  outbox().settings().poll_min = outbox().settings().poll_max = 60s;
  std::vector<std::unique_ptr<connectors::Source>> sources;
  for (int i = 0; i < kSources; ++i) {
    outbox().settings().listen = "changed" + std::to_string(i);
    sources.push_back(open(i));
    poll_first(*sources.back());
  }
  std::stop_source stop;
  std::vector<std::future<Result<connectors::ReadBatch>>> reads;
  for (const auto& source : sources)
    reads.push_back(std::async(std::launch::async, [&source = *source, &stop] {
      return source.read(kMuchRoom, Deadline::in(30s), stop.get_token());
    }));
  const auto service = writer();
  for (int i = kSources - 1; i >= 0; --i) {
    service->run("INSERT INTO shop.outbox" + std::to_string(i) +
                 "(aggregatetype, aggregateid, type, payload) VALUES ('order', 'a', 'counted', '" + std::to_string(i) +
                 "'); NOTIFY changed" + std::to_string(i));
    const auto batch = reads[static_cast<std::size_t>(i)].get();
    ASSERT_TRUE(batch) << batch.error().describe();
    EXPECT_EQ(data_of(batch->items), std::to_string(i));
  }
}

// Its poll had to wait for the other's turn, which says nothing about what the next one costs.
TEST_F(OutboxSharing, HearsWhatIsAnnouncedRightAfterALongTurnOfAnother) {
  std::vector<std::unique_ptr<connectors::Source>> sources;
  sources.push_back(open(0));
  outbox().settings().poll_min = outbox().settings().poll_max = 300ms;
  outbox().settings().policy = outbox::KeepRows{};
  outbox().settings().listen = "changed";
  for (int i = 1; i < kSources; ++i) {
    sources.push_back(open(i));
    poll_first(*sources.back());
  }
  wait_in_settlements("of = 1", "2");
  insert(0, 0);
  ASSERT_EQ(read_until(*sources[0], 1).size(), 1U);
  auto settled = std::async(std::launch::async, [&] { return sources[0]->settle(ReadMark{1}); });
  ASSERT_TRUE(eventually(
      [&] { return outbox().value("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'") == "1"; }));
  std::vector<std::future<void>> polls;
  for (int i = 1; i < kSources; ++i)
    polls.push_back(std::async(std::launch::async, [&source = *sources[static_cast<std::size_t>(i)]] {
      while (source.figures().reads == 1) ASSERT_TRUE(source.read(kMuchRoom, Deadline::in(20ms), {}));
    }));
  for (auto& poll : polls) poll.get();
  ASSERT_TRUE(settled.get());
  for (int i = 1; i < kSources; ++i) insert(i, i);
  const auto announced = std::chrono::steady_clock::now();
  outbox().execute("NOTIFY changed");
  for (int i = 1; i < kSources; ++i) {
    const auto batch = sources[static_cast<std::size_t>(i)]->read(kMuchRoom, Deadline::in(10s), {});
    ASSERT_TRUE(batch) << batch.error().describe();
    EXPECT_EQ(data_of(batch->items), std::to_string(i));
  }
  EXPECT_LT(std::chrono::steady_clock::now() - announced, 2s);
}

TEST_F(OutboxSharing, HearsNoChannelWhoseNameIsTheBeginningOfItsOwn) {
  outbox().settings().poll_min = outbox().settings().poll_max = 60s;
  std::vector<std::unique_ptr<connectors::Source>> sources;
  for (int i = 0; i < kSources; ++i) {
    outbox().settings().listen = "changed" + std::string(static_cast<std::size_t>(i), '_');
    sources.push_back(open(i));
    poll_first(*sources.back());
  }
  outbox().execute("NOTIFY changed");
  while (sources[0]->figures().reads == 1) ASSERT_TRUE(sources[0]->read(kMuchRoom, Deadline::in(20ms), {}));
  for (std::size_t i = 1; i < sources.size(); ++i) {
    ASSERT_TRUE(sources[i]->read(kMuchRoom, Deadline::in(20ms), {}));
    EXPECT_EQ(sources[i]->figures().reads, 1U) << "source " << i;
  }
}

TEST_F(OutboxSharing, CutsAnOpeningOffThatWaitsForTheServerWhenItGivesUp) {
  const auto sources = open_all();
  sources[0]->close();
  const auto service = writer();
  service->run("BEGIN; LOCK TABLE shop.outbox0 IN ACCESS EXCLUSIVE MODE");
  auto opened = std::async(std::launch::async, [&] { return sources[0]->open({}, Deadline::in(10s), {}); });
  EXPECT_TRUE(eventually([&] {
    return outbox().value(
               "SELECT count(*) FROM pg_locks l JOIN pg_class c ON c.oid = l.relation"
               " WHERE c.relname = 'outbox0' AND NOT l.granted") == "1";
  }));
  sources[0]->give_up();
  EXPECT_EQ(code_of(opened.get()), "core.stopped");
}

// The others end too: nobody is waited for.
TEST_F(OutboxSharing, EndsAtOnceThoughTheServerHangsWhenItGivesUp) {
  TcpGate gate(static_cast<std::uint16_t>(std::stoi(outbox().value("SHOW port"))));
  const std::string url = "postgresql://postgres@127.0.0.1:" + std::to_string(gate.port()) + "/" +
                          outbox().value("SELECT current_database()");
  outbox().settings().url = Secret(url);
  outbox::SourceSessions sessions(std::vector<Secret>(kSources, Secret(url)));
  std::vector<std::unique_ptr<connectors::Source>> sources;
  for (int i = 0; i < kSources; ++i) {
    outbox().settings().table.name = "outbox" + std::to_string(i);
    sources.push_back(outbox().make_source(&sessions));
    ASSERT_TRUE(sources.back()->open({}, Deadline::in(10s), {}));
  }
  gate.hold();
  for (const auto& source : sources) source->give_up();
  const auto before = std::chrono::steady_clock::now();
  for (const auto& source : sources) source->close();
  EXPECT_LT(std::chrono::steady_clock::now() - before, 1s);
}

// What the server tells of a channel that nobody of the program listens to any more is not kept.
TEST_F(OutboxSharing, KeepsNoNotificationsOfASourceThatHasLeft) {
  std::vector<std::unique_ptr<connectors::Source>> sources;
  for (int i = 0; i < kSources; ++i) {
    outbox().settings().listen = i < 2 ? "changed" : "";
    sources.push_back(open(i));
  }
  sources[0]->close();
  sources[1]->close();
  forget_peak_memory();
  const std::size_t before = peak_memory_kib();
  for (int round = 0; round < 40; ++round) {
    outbox().execute("SELECT pg_notify('changed', i || repeat('x', 7900)) FROM generate_series(1, 200) i");
    for (int i = 2; i < kSources; ++i) read(*sources[static_cast<std::size_t>(i)]);
  }
  EXPECT_LT(peak_memory_kib() - before, 20U << 10);
}

TEST_F(OutboxSharing, GoesOnForTheOthersWhenOneGivesUp) {
  const auto sources = open_all();
  sources[0]->give_up();
  EXPECT_FALSE(sources[0]->read(kMuchRoom, Deadline::in(0s), {}));
  for (std::size_t i = 1; i < sources.size(); ++i) EXPECT_TRUE(sources[i]->read(kMuchRoom, Deadline::in(0s), {}));
  EXPECT_EQ(backends("penstock%"), "2");
}

}  // namespace
}  // namespace penstock::tests
