// Order when transactions draw numbers in one order and commit in another.
#include <map>
#include <set>
#include <thread>

#include "tests/integration/outbox/outbox_fixture.h"
#include "tests/support/manual_clock.h"
#include "tests/support/seeded_random.h"

namespace penstock::tests {
namespace {

using connectors::ReadItem;
using connectors::Source;

class OutboxOrder : public OutboxTest {
 protected:
  // Polls for half a second: long enough for the mark to move wherever it may.
  static std::vector<ReadItem> poll_for_a_while(Source& source) {
    std::vector<ReadItem> items;
    const auto deadline = Deadline::in(std::chrono::milliseconds(500));
    while (!deadline.expired())
      for (auto& item : read(source)) items.push_back(std::move(item));
    return items;
  }
};

TEST_F(OutboxOrder, ReadsALateLowerNumberBeforeWhatWasCommittedAfterIt) {
  const auto source = open();
  const auto late = writer();
  late->run("BEGIN");
  late->insert("a", 1);
  outbox().insert("b", 2);
  EXPECT_EQ(data_of(read(*source)), "2");
  late->run("COMMIT");
  outbox().insert("a", 3);
  EXPECT_EQ(data_of(read(*source)), "1 3");
}

TEST_F(OutboxOrder, WaitsForALongTransactionHoweverManyRowsPassIt) {
  const auto source = open();
  const auto late = writer();
  late->run("BEGIN");
  late->insert("a", 1);
  for (int number = 2; number <= 20; ++number) outbox().insert("b", number);
  EXPECT_EQ(poll_for_a_while(*source).size(), 19U);
  ASSERT_TRUE(source->settle(ReadMark{19}));
  late->run("COMMIT");
  outbox().insert("a", 21);
  EXPECT_EQ(data_of(read(*source)), "1 21");
}

TEST_F(OutboxOrder, DoesNotWaitForATransactionThatWroteElsewhere) {
  outbox().execute("CREATE TABLE shop.other (n int)");
  const auto elsewhere = writer();
  elsewhere->run("BEGIN; INSERT INTO shop.other VALUES (1)");
  const auto source = open();
  outbox().insert("a", 1);
  EXPECT_EQ(data_of(read_until(*source, 1)), "1");
}

TEST_F(OutboxOrder, PassesTheHolesThatRollbacksLeave) {
  const auto source = open();
  for (int number = 1; number <= 20; ++number) {
    const auto session = writer();
    session->run("BEGIN");
    session->insert("a", number);
    session->run(number % 2 == 0 ? "COMMIT" : "ROLLBACK");
  }
  EXPECT_EQ(poll_for_a_while(*source).size(), 10U);
  outbox().insert("a", 21);
  EXPECT_EQ(data_of(read(*source)), "21");
}

// What a scan selects has names of its own.
TEST_F(OutboxOrder, IsThatOfTheColumnWhateverItsName) {
  for (const char* name : {"h", "o", "c0"}) {
    outbox().execute("ALTER TABLE shop.outbox RENAME " + outbox().settings().order_by + " TO " + name);
    outbox().settings().order_by = name;
    outbox().settings().batch = 3;
    outbox().execute("TRUNCATE shop.outbox");
    for (int number = 1; number <= 10; ++number) outbox().insert("a", number);
    const auto source = open();
    EXPECT_EQ(data_of(read_until(*source, 10)), "1 2 3 4 5 6 7 8 9 10") << name;
  }
}

TEST_F(OutboxOrder, FindsANumberThatWasDrawnBeforeItsTransactionTouchedTheTable) {
  const auto source = open();
  const auto early = writer();
  const std::string number = early->run("SELECT nextval(pg_get_serial_sequence('shop.outbox', 'seq'))");
  outbox().insert("b", 2);
  poll_for_a_while(*source);
  early->run(
      "INSERT INTO shop.outbox(seq, aggregatetype, aggregateid, type, payload) OVERRIDING SYSTEM VALUE VALUES (" +
      number + ", 'order', 'a', 'counted', '1')");
  EXPECT_EQ(data_of(read_until(*source, 1)), "1");
}

TEST_F(OutboxOrder, FollowsASequenceThatIsResetBelowTheMark) {
  const auto source = open();
  for (int number = 1; number <= 5; ++number) outbox().insert("a", number);
  ASSERT_EQ(poll_for_a_while(*source).size(), 5U);
  ASSERT_TRUE(source->settle(ReadMark{5}));
  outbox().execute("TRUNCATE shop.outbox RESTART IDENTITY");
  outbox().insert("a", 6);
  EXPECT_EQ(data_of(read_until(*source, 1)), "6");
  poll_for_a_while(*source);
  outbox().insert("a", 7);
  EXPECT_EQ(data_of(read(*source)), "7");
}

// Nets come every two seconds at most: what one of them finds first, ordinary polls read on.
TEST_F(OutboxOrder, ReadsABacklogBelowTheMarkWithoutWaitingForNets) {
  ManualClock clock;
  outbox().settings().batch = 2;
  const auto source = outbox::make_outbox_source(outbox().settings(), outbox().make_table(), outbox().checkpoints(),
                                                 outbox().gaps(), outbox().surroundings_at(clock));
  ASSERT_TRUE(source->open({}, Deadline::in(std::chrono::seconds(10)), {}));
  const auto polled = [&](std::size_t polls) {
    std::vector<ReadItem> items;
    for (std::size_t i = 0; i < polls; ++i) {
      clock.advance(std::chrono::milliseconds(100));
      for (auto& item : read(*source)) items.push_back(std::move(item));
    }
    return items;
  };
  outbox().execute("ALTER SEQUENCE shop.outbox_seq_seq RESTART 1000");
  for (int number = 1; number <= 3; ++number) outbox().insert("a", number);
  const auto above = polled(10);
  ASSERT_EQ(data_of(above), "1 2 3");
  ASSERT_TRUE(source->settle(above[1].mark));

  outbox().execute("ALTER SEQUENCE shop.outbox_seq_seq RESTART 1");
  for (int number = 4; number <= 13; ++number) outbox().insert("a", number);
  clock.advance(std::chrono::seconds(30));
  EXPECT_EQ(data_of(polled(10)), "4 5 6 7 8 9 10 11 12 13");
}

TEST_F(OutboxOrder, IsKeptWhereNumbersStartAgainBelowThatOfARowKeptByReference) {
  outbox().settings().event_bytes = 100'000;
  const auto source = open();
  outbox().insert("a", 1);
  outbox().insert("a", 2);
  outbox().insert_many(1, 200'000);
  ASSERT_EQ(data_of(poll_for_a_while(*source)), "1 2 !");
  ASSERT_TRUE(source->settle(ReadMark{3}));
  outbox().execute("TRUNCATE shop.outbox RESTART IDENTITY");
  outbox().insert("a", 4);
  EXPECT_EQ(data_of(read_until(*source, 1)), "4");
  poll_for_a_while(*source);
  for (int number = 5; number <= 7; ++number) outbox().insert("a", number);
  EXPECT_EQ(data_of(read(*source)), "5 6 7");
}

TEST_F(OutboxOrder, WaitsForAPreparedTransaction) {
  if (outbox().value("SHOW max_prepared_transactions") == "0") GTEST_SKIP() << "max_prepared_transactions is 0";
  const auto source = open();
  const auto late = writer();
  late->run("BEGIN");
  late->insert("a", 1);
  outbox().insert("b", 2);
  read(*source);
  late->run("PREPARE TRANSACTION 'late'");
  poll_for_a_while(*source);
  late->run("COMMIT PREPARED 'late'");
  outbox().insert("a", 3);
  EXPECT_EQ(data_of(read(*source)), "1 3");
}

TEST_F(OutboxOrder, ReadsPartitionsInTheOrderOfTheWholeTable) {
  outbox().execute(
      "DROP TABLE shop.outbox; CREATE TABLE shop.outbox (seq bigint GENERATED BY DEFAULT AS IDENTITY,"
      " id uuid DEFAULT gen_random_uuid(), aggregatetype text, aggregateid text, type text, payload jsonb,"
      " part int DEFAULT 0, PRIMARY KEY (seq, part)) PARTITION BY LIST (part);"
      " CREATE TABLE shop.outbox_0 PARTITION OF shop.outbox FOR VALUES IN (0);"
      " CREATE TABLE shop.outbox_1 PARTITION OF shop.outbox FOR VALUES IN (1);"
      " ALTER TABLE shop.outbox_1 ALTER part SET DEFAULT 1");
  const auto source = open();
  const auto late = writer();
  late->run(
      "BEGIN; INSERT INTO shop.outbox_1(seq, aggregatetype, aggregateid, type, payload, part)"
      " VALUES (nextval('shop.outbox_seq_seq'), 'order', 'a', 'counted', '1', 1)");
  outbox().insert("b", 2);
  EXPECT_EQ(poll_for_a_while(*source).size(), 1U);
  late->run("COMMIT");
  outbox().insert("a", 3);
  EXPECT_EQ(data_of(read(*source)), "1 3");
}

// Writers that hold a lock on their key from before they draw a number until they commit, so that the
// order of a key is the order of its numbers; everything else is as random as it gets.
class Traffic {
 public:
  Traffic(const std::string& url, std::uint64_t seed) : url_(url), seed_(seed) {
    for (int i = 0; i < 4; ++i)
      threads_.emplace_back([this, i](const std::stop_token&) { write(seed_ + static_cast<std::uint64_t>(i)); });
  }
  void join() {
    for (auto& thread : threads_) thread.join();
  }
  static constexpr int kTransactions = 150;

 private:
  void write(std::uint64_t seed) const {
    SeededRandom random(seed);
    Writer session(url_);
    for (int i = 0; i < kTransactions; ++i) {
      const std::string key = std::to_string(random.below(5));
      session.run("BEGIN");
      session.run("SELECT pg_advisory_xact_lock(" + key + ")");
      for (std::uint64_t row = random.below(4); row <= 3; ++row) session.insert(key, i);
      if (random.below(10) == 0) session.run("SELECT pg_sleep(0.05)");
      session.run(random.below(5) == 0 ? "ROLLBACK" : "COMMIT");
    }
  }

  const std::string url_;
  const std::uint64_t seed_;
  std::vector<std::jthread> threads_;
};

TEST_F(OutboxOrder, KeepsTheOrderOfEveryKeyUnderConcurrentWriters) {
  const std::uint64_t seed = seed_of_this_run();
  outbox().execute(
      "CREATE TABLE shop.history AS SELECT seq, aggregateid FROM shop.outbox;"
      " CREATE FUNCTION shop.note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
      " INSERT INTO shop.history VALUES (new.seq, new.aggregateid); RETURN new; END $$;"
      " CREATE TRIGGER note AFTER INSERT ON shop.outbox FOR EACH ROW EXECUTE FUNCTION shop.note()");
  const auto source = open();
  Traffic traffic(outbox().url(), seed);
  std::map<std::string, std::int64_t> last;
  std::set<std::int64_t> seen;
  std::uint64_t read_so_far = 0;
  std::jthread writers([&] { traffic.join(); });
  std::atomic<bool> done = false;
  std::jthread watch([&] {
    writers.join();
    done = true;
  });
  for (bool last_round = false;;) {
    const auto items = read(*source, {37, 16 << 20, connectors::ReadRoom::Window::kInUse});
    for (const ReadItem& item : items) {
      const std::int64_t number = std::stoll(std::string(item.event->source_position));
      EXPECT_TRUE(seen.insert(number).second) << number << " was read twice";
      std::int64_t& previous = last[std::string(*item.event->key)];
      EXPECT_LT(previous, number) << "of key " << *item.event->key;
      previous = number;
    }
    read_so_far += items.size();
    if (read_so_far % 3 == 0 && read_so_far > 0) {
      ASSERT_TRUE(source->settle(ReadMark{read_so_far}));
    }
    if (items.empty() && last_round) break;
    last_round = items.empty() && done;
  }
  EXPECT_EQ(std::to_string(seen.size()), outbox().value("SELECT count(*) FROM shop.history")) << "seed " << seed;
  EXPECT_EQ(source->figures().rereads, 0U);
}

}  // namespace
}  // namespace penstock::tests
