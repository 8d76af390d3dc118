// Policy "track": rows stay as they are, and a table beside them says which are settled.
#include <algorithm>

#include "connectors/outbox/tracked_table.h"
#include "tests/integration/outbox/outbox_fixture.h"
#include "tests/support/eventually.h"
#include "tests/support/manual_clock.h"
#include "tests/support/test_role.h"

namespace penstock::tests {
namespace {

using connectors::Finding;
using namespace std::chrono_literals;

constexpr const char* kCreatedAt = ", created_at timestamptz NOT NULL DEFAULT clock_timestamp()";

class OutboxTrack : public OutboxTest {
 protected:
  void SetUp() override {
    OutboxTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    use(kCreatedAt);
    outbox().settings().policy = outbox::TrackRows{};
    outbox().settings().order_by = "created_at";
    outbox().execute(
        "ALTER TABLE shop.outbox ALTER id SET NOT NULL, ADD UNIQUE (id); CREATE INDEX ON shop.outbox"
        " (created_at); " +
        create_settled_table());
  }
  std::string create_settled_table() { return outbox::create_settled_table_statement(outbox().settings(), "uuid"); }
  std::string settled() { return outbox().value("SELECT count(*) FROM shop.outbox_settled"); }

  // With a clock that stands still the net is cast once, when the source is opened.
  std::unique_ptr<connectors::Source> open_at(const Clock& clock) {
    auto source = outbox::make_outbox_source(outbox().settings(), outbox().make_table(), outbox().checkpoints(),
                                             outbox().gaps(), outbox().surroundings_at(clock));
    EXPECT_TRUE(source->open({}, Deadline::in(10s), {}));
    return source;
  }
  void insert_numbered(int seq, std::string_view key) {
    outbox().execute(
        "INSERT INTO shop.outbox(seq, aggregatetype, aggregateid, type, payload) OVERRIDING SYSTEM VALUE"
        " VALUES (" +
        std::to_string(seq) + ", 'order', '" + std::string(key) + "', 'counted', '" + std::to_string(seq) + "')");
  }
  // Reads until a find no longer has to start at the bottom.
  static void await_mark(connectors::Source& source) {
    EXPECT_TRUE(eventually([&] {
      const auto before = source.figures().full_scans;
      EXPECT_EQ(data_of(read(source)), "");
      return source.figures().full_scans == before;
    }));
  }
  std::string message_of_opening() {
    const Status opened = try_open();
    return opened ? "ok" : opened.error().message();
  }
};

TEST_F(OutboxTrack, RemembersExactlyWhatIsSettledAndTouchesNoRow) {
  outbox().insert_many(10);
  const std::string before =
      outbox().value("SELECT string_agg(xmin || ' ' || ctid, ',' ORDER BY seq) FROM shop.outbox");
  const auto source = open();
  ASSERT_EQ(read(*source).size(), 10U);
  ASSERT_TRUE(source->settle(ReadMark{6}));
  EXPECT_EQ(settled(), "6");
  EXPECT_EQ(data_of(read(*source)), "");
  EXPECT_EQ(outbox().value("SELECT string_agg(xmin || ' ' || ctid, ',' ORDER BY seq) FROM shop.outbox"), before);
}

// Pitfall: "bigserial gaps / out-of-order commit when polling".
TEST_F(OutboxTrack, ReadsALateEarlierRowBeforeWhatWasCommittedAfterIt) {
  for (const char* order : {"created_at", "seq", ""}) {
    outbox().execute("TRUNCATE shop.outbox, shop.outbox_settled");
    outbox().settings().order_by = order;
    const auto source = open();
    const auto late = writer();
    late->run("BEGIN");
    late->insert("a", 1);
    outbox().insert("b", 2);
    EXPECT_EQ(data_of(read(*source)), "2");
    ASSERT_TRUE(source->settle(ReadMark{1}));
    late->run("COMMIT");
    outbox().insert("a", 3);
    EXPECT_EQ(data_of(read_until(*source, 2)), "1 3") << order;
  }
}

// The mark doesn't pass an open transaction, however many finds there are meanwhile.
TEST_F(OutboxTrack, WaitsWithItsMarkForWhoHoldsALockOnTheTable) {
  outbox().settings().order_by = "seq";
  ManualClock clock;
  const auto source = open_at(clock);
  outbox().insert("a", 0);
  ASSERT_EQ(data_of(read(*source)), "0");
  await_mark(*source);
  const auto full_scans = source->figures().full_scans;
  const auto late = writer();
  late->run("BEGIN");
  late->insert("a", 1);
  for (int number = 2; number < 10; ++number) {
    outbox().insert("b", number);
    EXPECT_EQ(data_of(read(*source)), std::to_string(number));
    ASSERT_TRUE(source->settle(ReadMark{static_cast<std::uint64_t>(number)}));
    const auto looking = Deadline::in(50ms);
    while (!looking.expired()) EXPECT_EQ(data_of(read(*source)), "");
  }
  late->run("COMMIT");
  outbox().insert("a", 10);
  EXPECT_EQ(data_of(read(*source)), "1 10");
  EXPECT_EQ(source->figures().full_scans, full_scans) << "the net has found it, so this test shows nothing";
}

// A number that was drawn long before its row was inserted lies below the mark: the net finds it.
TEST_F(OutboxTrack, FindsANumberThatWasDrawnLongBeforeTheInsert) {
  outbox().settings().order_by = "seq";
  insert_numbered(100, "a");
  ManualClock clock;
  const auto source = open_at(clock);
  ASSERT_EQ(data_of(read(*source)), "100");
  ASSERT_TRUE(source->settle(ReadMark{1}));
  await_mark(*source);
  insert_numbered(50, "a");
  EXPECT_EQ(data_of(read(*source)), "") << "nothing looks there, so this test shows nothing";
  clock.advance(3s);
  EXPECT_EQ(data_of(read(*source)), "50");
}

TEST_F(OutboxTrack, SortsWhatOneFindShowsByTheColumn) {
  outbox().settings().order_by = "";
  outbox().settings().columns[outbox::Role::kOccurredAt].text = "created_at";
  outbox().execute(
      "INSERT INTO shop.outbox(aggregatetype, aggregateid, type, payload, created_at) SELECT 'order', 'a', 'counted',"
      " to_jsonb(i), timestamptz '2024-01-01 UTC' + i * interval '1 s' FROM generate_series(20, 1, -1) i");
  std::string expected;
  for (int i = 1; i <= 20; ++i) expected += (i == 1 ? "" : " ") + std::to_string(i);
  const auto source = open();
  std::vector<connectors::ReadItem> items;
  for (int page = 0; page < 4; ++page)
    for (auto& item : read(*source, {6, 16 << 20, connectors::ReadRoom::Window::kInUse}))
      items.push_back(std::move(item));
  EXPECT_EQ(data_of(items), expected);
}

TEST_F(OutboxTrack, PassesOverARowThatIsGoneSinceItWasFound) {
  for (int number = 1; number <= 4; ++number) outbox().insert("a", number);
  const auto source = open();
  EXPECT_EQ(data_of(read(*source, {1, 16 << 20, connectors::ReadRoom::Window::kEmpty})), "1");
  outbox().execute("DELETE FROM shop.outbox WHERE seq IN (2, 4)");
  EXPECT_EQ(data_of(read_until(*source, 1)), "3");
  outbox().insert("a", 5);
  const auto last = read_until(*source, 1);
  ASSERT_EQ(data_of(last), "5");
  ASSERT_TRUE(source->settle(last.back().mark));
  EXPECT_EQ(settled(), "3");
}

TEST_F(OutboxTrack, ReadsMoreThanOneFindShows) {
  outbox().insert_many(40'000, 1);
  const auto source = open();
  std::size_t count = 0;
  const auto deadline = Deadline::in(60s);
  while (count < 40'000 && !deadline.expired()) {
    const auto items = read(*source);
    if (items.empty()) continue;
    count += items.size();
    ASSERT_TRUE(source->settle(items.back().mark));
  }
  EXPECT_EQ(count, 40'000U);
  EXPECT_EQ(settled(), "40000");
  EXPECT_EQ(data_of(read(*source)), "");
}

TEST_F(OutboxTrack, ReadsAtOnceWhatIsNewBehindAHundredThousandSettledRows) {
  outbox().insert_many(100'000, 1);
  outbox().execute("INSERT INTO shop.outbox_settled (id) SELECT id FROM shop.outbox");
  outbox().insert("a", 1);
  EXPECT_EQ(data_of(read(*open())), "1") << "with the first read";
}

TEST_F(OutboxTrack, RemembersARowThatIsTooLargeByItsId) {
  outbox().settings().event_bytes = 1'000;
  outbox().execute(
      "INSERT INTO shop.outbox(aggregatetype, aggregateid, type, payload) VALUES ('order', 'a', 'counted',"
      " to_jsonb(repeat('x', 300000)))");
  outbox().insert("b", 2);
  {
    const auto source = open();
    const auto items = read_until(*source, 2);
    ASSERT_EQ(data_of(items), "! 2");
    EXPECT_EQ(items[0].malformed->source_key, outbox().value("SELECT id FROM shop.outbox WHERE seq = 1"));
    ASSERT_TRUE(source->settle(ReadMark{2}));
  }
  EXPECT_EQ(settled(), "2");
  EXPECT_EQ(data_of(read(*open())), "");
}

TEST_F(OutboxTrack, RefusesToOpenWithoutItsTableAndPrintsIt) {
  outbox().execute("DROP TABLE shop.outbox_settled");
  EXPECT_EQ(code_of(try_open()), "outbox.table_missing");
  const std::string message = message_of_opening();
  const auto ddl = message.find("CREATE TABLE");
  ASSERT_NE(ddl, std::string::npos) << message;
  outbox().execute(message.substr(ddl));
  EXPECT_EQ(code_of(try_open()), "ok");
}

TEST_F(OutboxTrack, RefusesIdsThatDoNotNameOneRowEach) {
  outbox().execute("ALTER TABLE shop.outbox ALTER id DROP NOT NULL");
  EXPECT_EQ(code_of(try_open()), "outbox.refused");
  outbox().execute("ALTER TABLE shop.outbox ALTER id SET NOT NULL, DROP CONSTRAINT outbox_id_key");
  EXPECT_EQ(code_of(try_open()), "outbox.refused");
  EXPECT_NE(message_of_opening().find("CREATE UNIQUE INDEX"), std::string::npos) << message_of_opening();
}

TEST_F(OutboxTrack, RefusesATableOfIdsOfAnotherType) {
  for (const char* columns : {"id text PRIMARY KEY", "id uuid", "id text", "settled_at timestamptz"}) {
    outbox().execute("DROP TABLE shop.outbox_settled; CREATE TABLE shop.outbox_settled (" + std::string(columns) + ")");
    EXPECT_EQ(code_of(try_open()), "outbox.table_missing") << columns;
    const std::string message = message_of_opening();
    outbox().execute(message.substr(message.find("ALTER TABLE")));
    EXPECT_EQ(code_of(try_open()), "ok") << columns;
  }
}

// The unique index of a partitioned table has the partition key in it.
TEST_F(OutboxTrack, Fault22ReadsPartitionsThatComeAndGo) {
  use_partitions(", created_at timestamptz NOT NULL DEFAULT clock_timestamp(), PRIMARY KEY (id, day)");
  outbox().execute("CREATE INDEX ON shop.outbox (created_at)");
  insert_on_day(1, 2);
  insert_on_day(2, 1);
  const auto source = open();
  ASSERT_EQ(data_of(read_until(*source, 2)), "1 2") << "in one order over all partitions";
  ASSERT_TRUE(source->settle(ReadMark{2}));
  EXPECT_EQ(settled(), "2");
  insert_on_day(3, 1);
  outbox().execute("CREATE TABLE shop.day3 PARTITION OF shop.outbox FOR VALUES IN (3); DROP TABLE shop.day2");
  insert_on_day(4, 3);
  ASSERT_EQ(data_of(read_until(*source, 2)), "3 4");
  ASSERT_TRUE(source->settle(ReadMark{4}));
  source->close();
  EXPECT_EQ(data_of(read(*open())), "");
}

// A row that could not be remembered is one that was not delivered, for the next opening: it has the same id.
TEST_F(OutboxTrack, ReadsAgainWhatCouldNotBeRememberedAndRemembersItThen) {
  outbox().insert("a", 1);
  outbox().execute(
      "CREATE FUNCTION shop.refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'not now'; END$$;"
      " CREATE TRIGGER refuse BEFORE INSERT ON shop.outbox_settled FOR EACH ROW EXECUTE FUNCTION shop.refuse()");
  auto source = open();
  const auto first = read_until(*source, 1);
  ASSERT_EQ(data_of(first), "1");
  const EventId id = first[0].event->id;
  EXPECT_EQ(code_of(source->settle(ReadMark{1})), "outbox.refused");
  source = nullptr;
  EXPECT_EQ(settled(), "0");
  outbox().execute("DROP TRIGGER refuse ON shop.outbox_settled");
  source = open();
  const auto again = read_until(*source, 1);
  ASSERT_EQ(data_of(again), "1");
  EXPECT_EQ(again[0].event->id, id);
  ASSERT_TRUE(source->settle(ReadMark{1}));
  EXPECT_EQ(outbox().value("SELECT id FROM shop.outbox_settled"), id.to_string());
  source->close();
  EXPECT_EQ(data_of(read(*open())), "");
}

// Where the side table swallows ids, their rows would come again for ever.
TEST_F(OutboxTrack, SaysThatItsTableSwallowsIdsAndDeliversTheirRowsNoMore) {
  outbox().insert_many(3);
  outbox().execute(
      "CREATE FUNCTION shop.swallow() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN"
      " CASE WHEN NEW.id = (SELECT id FROM shop.outbox WHERE seq = 2) THEN NULL ELSE NEW END; END$$;"
      " CREATE TRIGGER swallow BEFORE INSERT ON shop.outbox_settled FOR EACH ROW EXECUTE FUNCTION shop.swallow()");
  const auto source = open();
  ASSERT_EQ(read(*source).size(), 3U);
  const Status refused = source->settle(ReadMark{3});
  ASSERT_EQ(code_of(refused), "outbox.refused");
  EXPECT_NE(refused.error().message().find("shop.outbox_settled doesn't take the ids of 1 delivered rows, " +
                                           outbox().value("SELECT id FROM shop.outbox WHERE seq = 2")),
            std::string::npos)
      << refused.error().message();
  EXPECT_EQ(settled(), "2") << "the others are remembered";
  const auto reopen = [&] { return source->open({}, Deadline::in(10s), {}); };
  EXPECT_EQ(code_of(reopen()), "outbox.refused") << "nothing is read again meanwhile";
  outbox().execute("DROP TRIGGER swallow ON shop.outbox_settled");
  outbox().insert("a", 4);
  ASSERT_TRUE(reopen());
  EXPECT_EQ(settled(), "3");
  EXPECT_EQ(data_of(read(*source)), "4") << "what was delivered doesn't come again";
}

TEST_F(OutboxTrack, RefusesAColumnThatNothingCanBeSortedBy) {
  outbox().settings().order_by = "nothing";
  EXPECT_EQ(code_of(try_open()), "outbox.order_missing");
}

TEST_F(OutboxTrack, NeedsEveryOneOfItsRights) {
  const TestRole role(outbox().url());
  outbox().settings().url = role.url();
  for (const char* grant : {"USAGE ON SCHEMA shop", "SELECT ON shop.outbox", "SELECT ON shop.outbox_settled",
                            "INSERT ON shop.outbox_settled"}) {
    EXPECT_EQ(code_of(try_open()), "outbox.unauthorized") << grant;
    role.grant(grant);
  }
  outbox().insert_many(2);
  {
    const auto source = open();
    ASSERT_EQ(read(*source).size(), 2U);
    ASSERT_TRUE(source->settle(ReadMark{2}));
  }
  EXPECT_EQ(settled(), "2");
}

TEST_F(OutboxTrack, IsMendedByWhatValidateSays) {
  for (const char* column : {"aggregatetype", "aggregateid", "type"})
    outbox().execute("ALTER TABLE shop.outbox ALTER " + std::string(column) + " SET NOT NULL");
  outbox().execute(
      "DROP TABLE shop.outbox_settled; DROP INDEX shop.outbox_created_at_idx;"
      " ALTER TABLE shop.outbox DROP CONSTRAINT outbox_id_key");
  const auto troubles = [&] {
    auto found = outbox::inspect_postgres(outbox().settings(), Deadline::in(10s));
    std::erase_if(found, [](const Finding& finding) { return finding.severity == Finding::Severity::kOk; });
    return found;
  };
  const auto found = troubles();
  ASSERT_EQ(found.size(), 3U);
  for (const Finding& finding : found) outbox().execute(finding.fix);
  EXPECT_TRUE(troubles().empty()) << troubles()[0].message;
  EXPECT_EQ(code_of(try_open()), "ok");
}

// As docs/producers.md says it.
TEST_F(OutboxTrack, LosesNothingWhenOldRowsAreDeletedWithTheirIds) {
  outbox().insert_many(10);
  const auto source = open();
  ASSERT_EQ(read(*source).size(), 10U);
  ASSERT_TRUE(source->settle(ReadMark{7}));
  outbox().execute("UPDATE shop.outbox_settled SET settled_at = now() - interval '8 days'");
  outbox().execute(
      "WITH old AS (DELETE FROM shop.outbox_settled WHERE settled_at < now() - interval '7 days' RETURNING id)"
      " DELETE FROM shop.outbox AS o USING old WHERE o.id = old.id");
  EXPECT_EQ(outbox().rows(), 3U);
  EXPECT_EQ(settled(), "0");
  source->close();
  EXPECT_EQ(read(*open()).size(), 3U);
}

}  // namespace
}  // namespace penstock::tests
