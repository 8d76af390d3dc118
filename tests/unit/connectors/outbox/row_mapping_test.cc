#include "connectors/outbox/row_mapping.h"

#include <gtest/gtest.h>

#include "core/json_text.h"

namespace penstock::outbox {
namespace {

using connectors::ColumnOrConstant;

constexpr std::string_view kId = "0190a1b2-0000-7000-8000-000000000001";

// The Debezium table with one row, to be changed by each test.
class Table {
 public:
  Table() {
    settings_.source_name = "orders";
    settings_.table = {"shop", "outbox"};
    settings_.order_by = "seq";
    settings_.columns = columns_of(*find_profile("debezium"));
    shape_.order_column = "seq";
    add("id", ColumnType::kText, Cell::text(kId));
    add("aggregatetype", ColumnType::kText, Cell::text("order"));
    add("aggregateid", ColumnType::kText, Cell::text("17"));
    add("type", ColumnType::kText, Cell::text("OrderPlaced"));
    add("payload", ColumnType::kJson, Cell::text(R"({"n": 1.10})"));
  }

  Table& add(std::string name, ColumnType type, Cell cell) {
    shape_.columns.push_back({std::move(name), type});
    cells_.push_back(cell);
    return *this;
  }
  Table& map(Role role, std::string column) {
    settings_.columns[role] = {ColumnOrConstant::Is::kColumn, std::move(column)};
    return *this;
  }
  Table& constant(Role role, std::string text) {
    settings_.columns[role] = {ColumnOrConstant::Is::kConstant, std::move(text)};
    return *this;
  }
  Table& point(Role role, std::string column, std::string pointer, std::optional<std::string> fallback = {}) {
    settings_.columns[role] = {ColumnOrConstant::Is::kPointer, std::move(column), std::move(pointer),
                               std::move(fallback)};
    return *this;
  }
  Table& set(std::string_view column, Cell cell) {
    cells_[*shape_.find(column)] = cell;
    return *this;
  }
  Table& type(std::string_view column, ColumnType type) {
    shape_.columns[*shape_.find(column)].type = type;
    return *this;
  }
  OutboxSettings& settings() { return settings_; }

  EventRef event() {
    EventBatchBuilder builder;
    RowMapping mapping(settings_, shape_, *find_role_columns(settings_, shape_));
    const auto malformed = mapping.map({42, cells_}, builder);
    EXPECT_EQ(malformed, nullptr) << malformed->reason;
    return malformed ? nullptr : EventBatch::ref(std::move(builder).finish(), 0);
  }
  std::unique_ptr<connectors::MalformedRow> malformed() {
    EventBatchBuilder builder;
    RowMapping mapping(settings_, shape_, *find_role_columns(settings_, shape_));
    auto malformed = mapping.map({42, cells_}, builder);
    EXPECT_EQ(builder.size(), 0U);
    return malformed;
  }

 private:
  OutboxSettings settings_;
  RowShape shape_;
  std::vector<Cell> cells_;
};

TEST(RowMapping, MakesAnEventOfADebeziumRow) {
  const EventRef event = Table().event();
  EXPECT_EQ(event->id.to_string(), kId);
  EXPECT_EQ(event->stream, "order-17");
  EXPECT_EQ(event->category, "order");
  EXPECT_EQ(event->key, "17");
  EXPECT_EQ(event->type, "OrderPlaced");
  EXPECT_EQ(event->data, R"({"n": 1.10})");
  EXPECT_EQ(event->content_type, "application/json");
  EXPECT_EQ(event->metadata, "{}");
  EXPECT_EQ(event->source_position, "42");
  EXPECT_FALSE(event->occurred_at || event->position || event->version);
}

TEST(RowMapping, TakesTheWholeAggregateTypeForTheCategory) {
  const EventRef event =
      Table().set("aggregatetype", Cell::text("order-item")).set("aggregateid", Cell::integer(7)).event();
  EXPECT_EQ(event->stream, "order-item-7");
  EXPECT_EQ(event->category, "order-item");
  EXPECT_EQ(event->key, "7");
}

TEST(RowMapping, LeavesThePayloadWhereItLies) {
  const std::string payload(1'000, 'x');
  EXPECT_EQ(Table().set("payload", Cell::text(payload)).event()->data->data(), payload.data());
}

TEST(RowMapping, TellsNoDataFromEmptyData) {
  EXPECT_EQ(Table().set("payload", Cell::null()).event()->data, std::nullopt);
  EXPECT_EQ(Table().set("payload", Cell::text("")).event()->data, "");
}

TEST(RowMapping, TakesTheContentTypeFromTheColumnsType) {
  EXPECT_EQ(Table().type("payload", ColumnType::kText).event()->content_type, "application/json");
  EXPECT_EQ(Table().type("payload", ColumnType::kBytes).event()->content_type, "application/octet-stream");
  Table custom;
  custom.settings().text_payload = TextPayload::kPlain;
  EXPECT_EQ(custom.type("payload", ColumnType::kText).event()->content_type, "text/plain; charset=utf-8");
}

TEST(RowMapping, TakesTheContentTypeFromTheStorageClassInSqlite) {
  Table table;
  table.type("payload", ColumnType::kDynamic);
  EXPECT_EQ(table.set("payload", Cell::text("{}")).event()->content_type, "application/json");
  EXPECT_EQ(table.set("payload", Cell::blob("{}")).event()->content_type, "application/octet-stream");
}

TEST(RowMapping, LetsAMappedContentTypeWin) {
  Table table;
  table.add("ct", ColumnType::kText, Cell::text("application/avro")).map(Role::kContentType, "ct");
  EXPECT_EQ(table.event()->content_type, "application/avro");
  EXPECT_EQ(table.set("ct", Cell::null()).event()->content_type, "application/json");
  EXPECT_EQ(Table().constant(Role::kContentType, "text/csv").event()->content_type, "text/csv");
}

TEST(RowMapping, TakesConstantsForColumns) {
  const EventRef event = Table().constant(Role::kType, "Placed").constant(Role::kAggregateType, "o").event();
  EXPECT_EQ(event->type, "Placed");
  EXPECT_EQ(event->stream, "o-17");
}

TEST(RowMapping, PutsColumnsThatNobodyNamesIntoTheMetadata) {
  Table table;
  table.add("tenant", ColumnType::kText, Cell::text("a\"b")).add("attempt", ColumnType::kInteger, Cell::integer(3));
  table.add("note", ColumnType::kText, Cell::null());
  EXPECT_EQ(table.event()->metadata, R"({"tenant":"a\"b","attempt":3})");
}

TEST(RowMapping, DropsIgnoredColumnsAndTheOrderColumn) {
  Table table;
  table.add("seq", ColumnType::kInteger, Cell::integer(42)).add("noise", ColumnType::kText, Cell::text("x"));
  table.settings().ignore = {"noise"};
  EXPECT_EQ(table.event()->metadata, "{}");
}

TEST(RowMapping, KeepsTheTextOfTheHeaders) {
  Table table;
  table.add("headers", ColumnType::kJson, Cell::text(R"( {"b" : 1.0, "a":"x"} )")).map(Role::kHeaders, "headers");
  EXPECT_EQ(table.event()->metadata, R"({"b" : 1.0, "a":"x"})");
}

TEST(RowMapping, LetsTheHeadersWinOverAColumnOfTheSameName) {
  Table table;
  table.add("headers", ColumnType::kText, Cell::text(R"({"tenant":"h"})")).map(Role::kHeaders, "headers");
  table.add("tenant", ColumnType::kText, Cell::text("c")).add("region", ColumnType::kText, Cell::text("eu"));
  EXPECT_EQ(table.event()->metadata, R"({"region":"eu","tenant":"h"})");
}

TEST(RowMapping, TakesEmptyHeadersForNone) {
  Table table;
  table.add("headers", ColumnType::kText, Cell::text("")).map(Role::kHeaders, "headers");
  table.add("region", ColumnType::kText, Cell::text("eu"));
  EXPECT_EQ(table.event()->metadata, R"({"region":"eu"})");
  EXPECT_EQ(table.set("headers", Cell::text("{ }")).event()->metadata, R"({"region":"eu"})");
}

TEST(RowMapping, KeepsHeadersThatAreTextInsideOfAColumnBesideANumberForAnId) {
  Table table;
  table.settings().id_kind = IdKind::kAny;
  table.set("id", Cell::integer(123'456'789)).type("id", ColumnType::kInteger);
  table.add("doc", ColumnType::kJson, Cell::text(R"({"h":"{\"tenant\":\"a\"}"})")).point(Role::kHeaders, "doc", "/h");
  table.settings().ignore = {"doc"};
  EXPECT_EQ(table.event()->metadata, R"({"source_id":"123456789","tenant":"a"})");
}

// A refill under another name finds what the store has.
TEST(RowMapping, MakesTheIdsOfAnotherSourceWhereItIsTold) {
  Table table, refill;
  for (Table* one : {&table, &refill}) {
    one->settings().id_kind = IdKind::kAny;
    one->set("id", Cell::text("0001-02")).type("id", ColumnType::kText);
  }
  refill.settings().source_name = "refill";
  EXPECT_NE(refill.event()->id, table.event()->id);
  refill.settings().ids_of = table.settings().source_name;
  EXPECT_EQ(refill.event()->id, table.event()->id);
}

// Headers whose names stand in one list and whose values in another.
class Lists {
 public:
  Lists(Cell names, Cell values, ColumnType type = ColumnType::kText) {
    table_.add("names", type, names).map(Role::kHeaderNames, "names");
    table_.add("values", type, values).map(Role::kHeaderValues, "values");
  }
  Table* operator->() { return &table_; }
  std::string metadata() { return std::string(table_.event()->metadata); }
  std::string reason() { return table_.malformed()->reason; }

 private:
  Table table_;
};

TEST(RowMapping, MakesHeadersOfTwoLists) {
  EXPECT_EQ(Lists(Cell::text("{trace,\"a b\"}"), Cell::text(R"({x,"say \"y\", z"})")).metadata(),
            R"({"trace":"x","a b":"say \"y\", z"})");
  EXPECT_EQ(Lists(Cell::text("[\"trace\"]"), Cell::text("[\"x\"]"), ColumnType::kJson).metadata(), R"({"trace":"x"})");
  EXPECT_EQ(Lists(Cell::text("{a,a}"), Cell::text("{1,2}")).metadata(), R"({"a":"1","a":"2"})")
      << "Kafka knows headers of one name; the last one counts";
  EXPECT_EQ(Lists(Cell::text("{a}"), Cell::text("{NULL}")).metadata(), R"({"a":null})");
}

TEST(RowMapping, TakesNoListsForNoHeaders) {
  for (const Cell& none : {Cell::null(), Cell::text("{}"), Cell::text("[]"), Cell::text("")})
    EXPECT_EQ(Lists(none, Cell::null()).metadata(), "{}");
}

TEST(RowMapping, LetsListedHeadersWinOverAColumnOfTheSameName) {
  Lists lists(Cell::text("{tenant}"), Cell::text("{h}"));
  lists->add("tenant", ColumnType::kText, Cell::text("c")).add("region", ColumnType::kText, Cell::text("eu"));
  EXPECT_EQ(lists.metadata(), R"({"region":"eu","tenant":"h"})");
}

TEST(RowMapping, ParksListsOfWhichNoHeadersCanBeMade) {
  const std::string table = "table shop.outbox, column ";
  EXPECT_EQ(Lists(Cell::text("{a,b}"), Cell::text("{1}")).reason(), table + "`values`: has 1 values for 2 names");
  EXPECT_EQ(Lists(Cell::text("{a}"), Cell::null()).reason(), table + "`values`: has 0 values for 1 names");
  EXPECT_EQ(Lists(Cell::text("{NULL}"), Cell::text("{1}")).reason(), table + "`names`: holds a name that is NULL");
  EXPECT_EQ(Lists(Cell::text("{{a},{b}}"), Cell::text("{1,2}")).reason(), table + "`names`: is no list of texts");
  EXPECT_EQ(Lists(Cell::text("{a}"), Cell::text("1")).reason(), table + "`values`: is no list of texts");
  EXPECT_EQ(Lists(Cell::blob("{\xff}"), Cell::null(), ColumnType::kDynamic).reason(),
            table + "`names`: is not UTF-8 text, or holds a NUL");
}

TEST(RowMapping, ReadsTheTimeOfTheEvent) {
  Table table;
  table.add("at", ColumnType::kTime, Cell::time(1'700'000'000'000'000)).map(Role::kOccurredAt, "at");
  EXPECT_EQ(format_timestamp(*table.event()->occurred_at), "2023-11-14T22:13:20.000000Z");
  EXPECT_EQ(table.set("at", Cell::null()).event()->occurred_at, std::nullopt);
}

TEST(RowMapping, TakesIdsInTextAndInBytes) {
  const std::string bytes("\x01\x90\xa1\xb2\x00\x00\x70\x00\x80\x00\x00\x00\x00\x00\x00\x01", 16);
  EXPECT_EQ(Table().type("id", ColumnType::kUuid).set("id", Cell::uuid(bytes)).event()->id.to_string(), kId);
  EXPECT_EQ(Table().type("id", ColumnType::kBytes).set("id", Cell::blob(bytes)).event()->id.to_string(), kId);
}

TEST(RowMapping, DerivesAnIdFromAnyTextAndKeepsTheOriginal) {
  Table table;
  table.settings().id_kind = IdKind::kAny;
  const EventRef event = table.set("id", Cell::text("evt-1")).event();
  const EventId name_space = EventId::from_name(kNamespaceUrl, "penstock:source:orders");
  EXPECT_EQ(event->id, EventId::from_name(name_space, "evt-1"));
  EXPECT_EQ(event->metadata, R"({"source_id":"evt-1"})");
}

TEST(RowMapping, OrdersARowWithoutAKeyWithNothingWhereThatIsAllowed) {
  Table table;
  table.settings().null_key = NullKey::kAllow;
  for (const Cell& none : {Cell::null(), Cell::text("")}) {
    const EventRef event = table.set("aggregateid", none).event();
    EXPECT_EQ(event->key, std::nullopt);
    EXPECT_EQ(event->stream, "order");
  }
}

struct Malformation {
  const char* column;
  Cell cell;
  const char* reason;
};

class Malformed : public testing::TestWithParam<Malformation> {};

TEST_P(Malformed, IsParkedWithItsReason) {
  Table table;
  table.add("headers", ColumnType::kText, Cell::null()).map(Role::kHeaders, "headers");
  table.add("at", ColumnType::kText, Cell::null()).map(Role::kOccurredAt, "at");
  const auto malformed = table.set(GetParam().column, GetParam().cell).malformed();
  ASSERT_NE(malformed, nullptr);
  EXPECT_EQ(malformed->code, "outbox.row_malformed");
  EXPECT_EQ(malformed->source_key, "42");
  EXPECT_EQ(malformed->reason,
            "table shop.outbox, column `" + std::string(GetParam().column) + "`: " + GetParam().reason);
  EXPECT_TRUE(is_json_object(malformed->content)) << malformed->content;
}

const std::string kTooLong(256, 'x');
const std::string kMuchTooLong(1'024, 'x');

INSTANTIATE_TEST_SUITE_P(
    Rows, Malformed,
    testing::Values(
        Malformation{"id", Cell::null(), "is NULL"},
        Malformation{"id", Cell::text("17"), "is not a UUID (id_kind = \"any\" takes any text)"},
        Malformation{"aggregatetype", Cell::null(), "is NULL"},
        Malformation{"aggregatetype", Cell::text(""), "is empty"},
        Malformation{"aggregatetype", Cell::text(kTooLong), "is longer than 255 bytes"},
        Malformation{"aggregateid", Cell::null(), "is NULL (null_key = \"allow\" takes such rows, without an order)"},
        Malformation{"aggregateid", Cell::text(""),
                     "is empty (null_key = \"allow\" takes such rows, without an order)"},
        Malformation{"aggregateid", Cell::text(kMuchTooLong), "makes a stream name that is longer than 1024 bytes"},
        Malformation{"type", Cell::null(), "is NULL"}, Malformation{"type", Cell::text(""), "is empty"},
        Malformation{"type", Cell::text(kTooLong), "is longer than 255 bytes"},
        Malformation{"type", Cell::blob("\xff"), "is not UTF-8 text, or holds a NUL"},
        Malformation{"headers", Cell::text("[]"), "is not a JSON object"},
        Malformation{"headers", Cell::text("{\"a\":"), "is not a JSON object"},
        Malformation{"at", Cell::text("soon"), "is not a time between the years 1 and 9999"}));

constexpr std::string_view kWrapper =
    R"({"id": "0190a1b2-0000-7000-8000-000000000002", "ns": "users", "aggIds": ["a\u0041", "b"], "at": 1700000000000,)"
    R"( "body": {"n": 1.10, "big": 12345678901234567890}, "text": "x\ny", "headers": {"h": 1}, "none": null})";

TEST(RowMapping, FindsValuesInsideOfAJsonColumn) {
  const EventRef event = Table()
                             .add("doc", ColumnType::kJson, Cell::text(kWrapper))
                             .point(Role::kId, "doc", "/id")
                             .point(Role::kAggregateType, "doc", "/ns")
                             .point(Role::kAggregateId, "doc", "/aggIds/0")
                             .point(Role::kPayload, "doc", "/body")
                             .point(Role::kHeaders, "doc", "/headers")
                             .point(Role::kOccurredAt, "doc", "/at")
                             .event();
  EXPECT_EQ(event->id.to_string(), "0190a1b2-0000-7000-8000-000000000002");
  EXPECT_EQ(event->stream, "users-aA");
  EXPECT_EQ(event->data, R"({"n": 1.10, "big": 12345678901234567890})");
  EXPECT_EQ(event->content_type, "application/json");
  EXPECT_EQ(event->occurred_at->time_since_epoch(), std::chrono::milliseconds(1'700'000'000'000));
  EXPECT_EQ(find_member(event->metadata, "h"), "1");
  EXPECT_TRUE(has_member(event->metadata, "doc")) << "parts of it are mapped, the whole is kept";
}

TEST(RowMapping, GivesTheCharactersOfATextInsideOfAColumn) {
  const EventRef event =
      Table().add("doc", ColumnType::kText, Cell::text(kWrapper)).point(Role::kPayload, "doc", "/text").event();
  EXPECT_EQ(event->data, "x\ny");
}

TEST(RowMapping, TakesTheDefaultWhereNothingIsFound) {
  Table table;
  table.add("doc", ColumnType::kJson, Cell::text(kWrapper));
  EXPECT_EQ(table.point(Role::kType, "doc", "/type", "message").event()->type, "message");
  EXPECT_EQ(table.point(Role::kType, "doc", "/none", "message").event()->type, "message");
  EXPECT_EQ(table.set("doc", Cell::null()).event()->type, "message");
}

TEST(MalformedRow, SaysWhereInAColumnNothingWasFound) {
  Table table;
  table.add("doc", ColumnType::kText, Cell::text(kWrapper)).point(Role::kType, "doc", "/type");
  EXPECT_NE(table.malformed()->reason.find("`/type` of column `doc`: is NULL"), std::string::npos);
  EXPECT_NE(table.set("doc", Cell::text("{\"type\":")).malformed()->reason.find("is NULL"), std::string::npos);
}

TEST(MalformedRow, NamesItsKeyWhereThereIsOne) {
  EXPECT_EQ(Table().set("type", Cell::text("")).malformed()->key, "17");
  EXPECT_EQ(Table().set("aggregateid", Cell::null()).malformed()->key, std::nullopt);
}

TEST(MalformedRow, IsKeptWhole) {
  const auto malformed = Table().set("type", Cell::text("")).malformed();
  EXPECT_EQ(malformed->kept, connectors::MalformedRow::Kept::kWhole);
  EXPECT_EQ(malformed->content,
            R"({"seq":"42","id":")" + std::string(kId) +
                R"(","aggregatetype":"order","aggregateid":"17","type":"","payload":"{\"n\": 1.10}"})");
}

TEST(MalformedRow, IsKeptByReferenceWhenItIsTooLarge) {
  Table table;
  OutboxSettings& settings = table.settings();
  const RowShape shape{"seq", {{"id", {}}, {"aggregatetype", {}}, {"aggregateid", {}}, {"type", {}}, {"payload", {}}}};
  const RowMapping mapping(settings, shape, *find_role_columns(settings, shape));
  const auto malformed = mapping.by_reference({42, {}}, {5'000'000, 12}, "17");
  EXPECT_EQ(malformed->kept, connectors::MalformedRow::Kept::kByReference);
  EXPECT_EQ(malformed->code, "outbox.row_too_large");
  EXPECT_EQ(malformed->content, R"({"source_key":"42","bytes":5000012})");
  EXPECT_EQ(malformed->reason,
            "table shop.outbox: the payload has 5000000 bytes, and [limits] event_bytes allows 1048576");
  EXPECT_EQ(malformed->key, "17");
}

TEST(RowMapping, NamesAMappedColumnThatTheTableDoesNotHave) {
  Table table;
  table.map(Role::kHeaders, "headers");
  const auto columns = find_role_columns(table.settings(), RowShape{"seq", {{"id", {}}}});
  ASSERT_FALSE(columns);
  EXPECT_EQ(&columns.error().code(), &codes::kOutboxTableMissing);
}

}  // namespace
}  // namespace penstock::outbox
