// What becomes of the values of a row.
#include "core/json_text.h"
#include "tests/integration/outbox/outbox_fixture.h"
#include "tests/support/manual_clock.h"

namespace penstock::tests {
namespace {

using connectors::MalformedRow;
using connectors::ReadRoom;

class OutboxRows : public OutboxTest {
 protected:
  void insert(const std::string& columns, const std::string& values) {
    outbox().execute("INSERT INTO shop.outbox(aggregatetype, aggregateid, type, " + columns +
                     ") VALUES ('order', '17', 'placed', " + values + ")");
  }
  // Takes rows of up to 100,000 bytes.
  std::unique_ptr<connectors::Source> open_at(const Clock& clock) {
    outbox().settings().event_bytes = 100'000;
    auto source = outbox::make_outbox_source(outbox().settings(), outbox().make_table(), outbox().checkpoints(),
                                             outbox().gaps(), outbox().surroundings_at(clock));
    EXPECT_TRUE(source->open({}, Deadline::in(std::chrono::seconds(10)), {}));
    return source;
  }
  EventRef only_event() {
    const auto items = read(*open());
    EXPECT_EQ(items.size(), 1U);
    return items.empty() ? nullptr : items.front().event;
  }
};

TEST_F(OutboxRows, GivesJsonbAsItsText) {
  insert("payload", R"('{"b":1.10,"a":[]}')");
  const EventRef event = only_event();
  EXPECT_EQ(event->data, R"({"a": [], "b": 1.10})");
  EXPECT_EQ(event->content_type, "application/json");
}

TEST_F(OutboxRows, GivesJsonAsItWasWritten) {
  outbox().execute("ALTER TABLE shop.outbox ALTER payload TYPE json");
  insert("payload", R"('{"b" :1.10}')");
  EXPECT_EQ(only_event()->data, R"({"b" :1.10})");
}

TEST_F(OutboxRows, GivesBytesAsTheyAre) {
  outbox().execute("ALTER TABLE shop.outbox ALTER payload TYPE bytea USING NULL");
  insert("payload", R"('\x00ff41')");
  const EventRef event = only_event();
  EXPECT_EQ(event->data, std::string_view("\0\xff\x41", 3));
  EXPECT_EQ(event->content_type, "application/octet-stream");
}

TEST_F(OutboxRows, TellsNoDataFromEmptyData) {
  outbox().execute("ALTER TABLE shop.outbox ALTER payload TYPE text");
  insert("payload", "NULL");
  insert("payload", "''");
  const auto items = read(*open());
  ASSERT_EQ(items.size(), 2U);
  EXPECT_EQ(items[0].event->data, std::nullopt);
  EXPECT_EQ(items[1].event->data, "");
}

TEST_F(OutboxRows, PutsFurtherColumnsIntoTheMetadata) {
  use(", tenant text, attempt int, price numeric, urgent bool, tags jsonb, seen timestamptz, raw bytea, note text");
  insert("tenant, attempt, price, urgent, tags, seen, raw",
         R"('a"b', 3, 1.50, true, '["x"]', '2026-02-03 04:05:06.5+02', '\xff')");
  EXPECT_EQ(only_event()->metadata, R"({"tenant":"a\"b","attempt":3,"price":1.50,"urgent":true,"tags":["x"],)"
                                    R"("seen":"2026-02-03T02:05:06.500000Z","raw":"/w=="})");
}

TEST_F(OutboxRows, TakesTimesOfEveryKind) {
  use(", at timestamptz, utc timestamp, ms bigint");
  insert("at, utc, ms", "'2026-02-03 04:05:06+00', '2026-02-03 04:05:06', 1770091506000");
  for (const char* column : {"at", "utc", "ms"}) {
    outbox().settings().columns[outbox::Role::kOccurredAt] = {ColumnOrConstant::Is::kColumn, column};
    EXPECT_EQ(format_timestamp(*only_event()->occurred_at), "2026-02-03T04:05:06.000000Z") << column;
  }
}

TEST_F(OutboxRows, ParksAnEndlessTime) {
  use(", at timestamptz");
  outbox().settings().columns[outbox::Role::kOccurredAt] = {ColumnOrConstant::Is::kColumn, "at"};
  insert("at", "'infinity'");
  const auto items = read(*open());
  ASSERT_EQ(data_of(items), "!");
  EXPECT_TRUE(is_json_object(items[0].malformed->content));
}

TEST_F(OutboxRows, SettlesMalformedRowsLikeOthers) {
  outbox().insert("a", 1);
  outbox().execute("INSERT INTO shop.outbox(id, aggregatetype, aggregateid, type) VALUES (NULL, 'order', 'a', 'x')");
  outbox().execute("INSERT INTO shop.outbox(aggregatetype, aggregateid, type) VALUES ('order', NULL, 'x')");
  outbox().execute("INSERT INTO shop.outbox(aggregatetype, aggregateid, type) VALUES ('order', 'a', '')");
  outbox().insert("a", 2);
  const auto source = open();
  const auto items = read(*source);
  ASSERT_EQ(data_of(items), "1 ! ! ! 2");
  EXPECT_EQ(items[1].malformed->reason, "table shop.outbox, column `id`: is NULL");
  ASSERT_TRUE(source->settle(ReadMark{5}));
  EXPECT_EQ(outbox().rows(), 0U);
}

TEST_F(OutboxRows, LeavesARowTooLargeInItsTable) {
  outbox().settings().event_bytes = 100'000;
  outbox().insert("a", 1);
  outbox().insert_many(1, 99'999);  // and two quotes
  outbox().insert("a", 2);
  const auto source = open();
  const auto items = read(*source);
  ASSERT_EQ(data_of(items), "1 ! 2");
  const MalformedRow& row = *items[1].malformed;
  EXPECT_EQ(row.reason, "table shop.outbox: the payload has 100001 bytes, and [limits] event_bytes allows 100000");
  EXPECT_EQ(row.kept, MalformedRow::Kept::kByReference);
  EXPECT_EQ(row.source_key, "2");
  EXPECT_EQ(row.key, "1");
  EXPECT_LT(row.content.size(), 200U);
  ASSERT_TRUE(source->settle(ReadMark{3}));
  EXPECT_EQ(outbox().rows(), 1U);
  EXPECT_TRUE(read(*source).empty());
}

TEST_F(OutboxRows, ReadsAPayloadThatIsAsLargeAsAnEventMayBe) {
  outbox().settings().event_bytes = 100'000;
  outbox().insert_many(1, 99'998);
  const auto items = read(*open());
  ASSERT_EQ(items.size(), 1U);
  ASSERT_TRUE(items[0].event);
  EXPECT_EQ(items[0].event->data->size(), 100'000U);
}

TEST_F(OutboxRows, DoesNotReadARowAgainThatIsKeptByReference) {
  outbox().settings().event_bytes = 100'000;
  outbox().insert_many(1, 200'000);
  outbox().insert("a", 2);
  connectors::OpenRequest request;
  request.kept_by_reference = {"1"};
  EXPECT_EQ(data_of(read(*open(request))), "2");
}

// The net looks for other rows with its number, and finds itself.
TEST_F(OutboxRows, DoesNotParkARowAgainWithEachScanOfTheWholeTable) {
  ManualClock clock;
  const auto source = open_at(clock);
  outbox().insert_many(1, 200'000);
  ASSERT_EQ(data_of(read(*source)), "!");
  ASSERT_TRUE(source->settle(ReadMark{1}));
  for (int i = 0; i < 3; ++i) {
    clock.advance(std::chrono::seconds(3));
    EXPECT_EQ(data_of(read(*source)), "");
  }
  EXPECT_EQ(source->figures().full_scans, 4U);
}

TEST_F(OutboxRows, ReadsARowThatIsKeptByReferenceOnceItIsShortened) {
  ManualClock clock;
  const auto source = open_at(clock);
  outbox().insert_many(1, 200'000);
  ASSERT_EQ(data_of(read(*source)), "!");
  ASSERT_TRUE(source->settle(ReadMark{1}));
  EXPECT_EQ(data_of(read(*source)), "");
  outbox().execute("UPDATE shop.outbox SET payload = '7'");
  clock.advance(std::chrono::seconds(3));
  EXPECT_EQ(data_of(read(*source)), "7");
  ASSERT_TRUE(source->settle(ReadMark{2}));
  EXPECT_EQ(outbox().rows(), 0U);
}

// Numbers that start again come to name other rows than those that were parked.
TEST_F(OutboxRows, ReadsARowThatTookTheNumberOfOneKeptByReference) {
  use(", sent_at timestamptz");
  outbox().settings().event_bytes = 100'000;
  for (const outbox::Policy& policy :
       {outbox::Policy(outbox::DeleteRows{}), outbox::Policy(outbox::MarkRows{"sent_at", {}})}) {
    outbox().execute("TRUNCATE shop.outbox RESTART IDENTITY");
    outbox().settings().policy = policy;
    const auto source = open();
    outbox().insert_many(1, 200'000);
    ASSERT_EQ(data_of(read(*source)), "!");
    ASSERT_TRUE(source->settle(ReadMark{1}));
    EXPECT_EQ(data_of(read(*source)), "");
    outbox().execute("TRUNCATE shop.outbox RESTART IDENTITY");
    outbox().insert("a", 1);
    EXPECT_EQ(data_of(read_until(*source, 1)), "1");
    connectors::OpenRequest request;
    request.kept_by_reference = {"1"};
    source->close();
    EXPECT_EQ(data_of(read(*open(request))), "1") << "after a restart of the program";
  }
}

TEST_F(OutboxRows, PassesMoreRowsKeptByReferenceThanAPollAsksFor) {
  outbox().settings().event_bytes = 1'000;
  outbox().settings().batch = 10;
  outbox().insert_many(35, 5'000);
  outbox().insert("a", 36);
  connectors::OpenRequest request;
  for (int number = 1; number <= 35; ++number) request.kept_by_reference.push_back(std::to_string(number));
  EXPECT_EQ(data_of(read_until(*open(request), 1)), "36");
}

// Of a route that reads one event at a time, each of them was a read that came back empty, and a rest behind it.
TEST_F(OutboxRows, PassesRowsKeptByReferenceWithinOneReadThatAsksForOneRow) {
  outbox().settings().event_bytes = 1'000;
  outbox().insert_many(15, 5'000);
  outbox().insert("a", 16);
  connectors::OpenRequest request;
  for (int number = 1; number <= 15; ++number) request.kept_by_reference.push_back(std::to_string(number));
  const auto source = open(request);
  EXPECT_EQ(data_of(read(*source, {1, 16 << 20, connectors::ReadRoom::Window::kEmpty})), "16");
}

TEST_F(OutboxRows, ReadsLongRowsAmongShortOnesInOrder) {
  for (int i = 0; i < 5; ++i) {
    outbox().insert_many(3, 20);
    outbox().insert_many(2, 300'000);
  }
  const auto source = open();
  const auto items = read_until(*source, 25);
  ASSERT_EQ(items.size(), 25U);
  for (std::size_t i = 0; i < items.size(); ++i) {
    EXPECT_EQ(items[i].event->source_position, std::to_string(i + 1));
    EXPECT_EQ(items[i].event->data->size(), i % 5 < 3 ? 22U : 300'002U);
  }
}

TEST_F(OutboxRows, FetchesNoMoreBytesThanThereIsRoomFor) {
  outbox().insert_many(20, 100'000);
  const auto source = open();
  const auto items = read(*source, {1'000, 1'000'000, ReadRoom::Window::kInUse});
  EXPECT_GE(items.size(), 1U);
  EXPECT_LE(items.size(), 9U);
  EXPECT_TRUE(read(*source, {1'000, 50'000, ReadRoom::Window::kInUse}).empty());
  EXPECT_EQ(read(*source, {1'000, 50'000, ReadRoom::Window::kEmpty}).size(), 1U);
}

// An answer is bounded by all columns that may be long, together.
TEST_F(OutboxRows, AsksForFewerRowsTheMoreColumnsMayBeLong) {
  use(", note text, remark text, tenant text");
  outbox().insert_many(500);
  const auto source = open();
  const std::size_t columns = 4, shortest_limit = 2'048, bytes = 1 << 20;
  EXPECT_EQ(read(*source, {1'000, bytes, ReadRoom::Window::kInUse}).size(), bytes / shortest_limit / columns);
}

TEST_F(OutboxRows, IgnoresTheSettingsOfTheRole) {
  use(", seen timestamptz DEFAULT '2026-02-03 04:05:06+00', price float8 DEFAULT 0.1");
  outbox().execute("ALTER DATABASE " + outbox().value("SELECT quote_ident(current_database())") +
                   " SET timezone = 'Asia/Tokyo'; ALTER DATABASE " +
                   outbox().value("SELECT quote_ident(current_database())") + " SET datestyle = 'German'");
  insert("payload", "'1'");
  EXPECT_EQ(only_event()->metadata, R"({"seen":"2026-02-03T04:05:06.000000Z","price":0.1})");
}

TEST_F(OutboxRows, TakesDomainsForWhatTheyStandOn) {
  outbox().execute("CREATE DOMAIN shop.key AS uuid; ALTER TABLE shop.outbox ALTER id TYPE shop.key");
  outbox().insert("a", 1);
  const auto source = open();
  ASSERT_EQ(data_of(read(*source)), "1");
  ASSERT_TRUE(source->settle(ReadMark{1}));
  EXPECT_EQ(outbox().rows(), 0U);
}

TEST_F(OutboxRows, GoesOnWhenAColumnIsAdded) {
  const auto source = open();
  outbox().insert("a", 1);
  EXPECT_EQ(data_of(read(*source)), "1");
  outbox().execute("ALTER TABLE shop.outbox ADD COLUMN tenant text DEFAULT 'acme'");
  outbox().insert("a", 2);
  EXPECT_EQ(data_of(read(*source)), "2");
}

}  // namespace
}  // namespace penstock::tests
