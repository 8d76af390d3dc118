// Events without a table: pg_logical_emit_message on a real server.
#include "tests/integration/wal/wal_reader.h"
#include "tests/support/eventually.h"
#include "tests/support/peak_memory.h"

namespace penstock::tests {
namespace {

class WalMessages : public testing::Test {
 protected:
  void SetUp() override {
    PENSTOCK_NEEDS(Server::kPostgres);
    outbox_ = std::make_unique<WalOutbox>();
    auto& settings = outbox_->settings();
    settings.message_prefix = "shop";
    settings.rows.order_by.clear();
    settings.rows.table = {"", "messages with prefix shop"};
    settings.rows.columns[outbox::Role::kContentType] = {ColumnOrConstant::Is::kColumn, "content_type"};
    reader_ = std::make_unique<WalReader>(*outbox_);
    const auto opened = reader_->open();
    ASSERT_TRUE(opened) << opened.error().describe();
  }
  void TearDown() override { reader_.reset(); }

  void emit(const std::string& content, const std::string& prefix = "shop") {
    outbox_->execute("SELECT pg_logical_emit_message(true, '" + prefix + "', " + content + ")");
  }
  static std::string head(int number) {
    return R"("id":"0190a7e2-0000-7000-8000-00000000000)" + std::to_string(number) +
           R"(","aggregatetype":"order","aggregateid":"7","type":"placed")";
  }

  std::unique_ptr<WalOutbox> outbox_;
  std::unique_ptr<WalReader> reader_;
};

TEST_F(WalMessages, TakeTheirColumnsFromAJsonObject) {
  emit("'{" + head(1) + R"(,"payload":{ "total" : 1.50 },"tenant":"acme"}')");
  const auto items = reader_->read(1);
  ASSERT_TRUE(items[0].event) << items[0].malformed->reason;
  const Event& event = *items[0].event;
  EXPECT_EQ(event.id.to_string(), "0190a7e2-0000-7000-8000-000000000001");
  EXPECT_EQ(event.stream, "order-7");
  EXPECT_EQ(event.key, "7");
  EXPECT_EQ(event.type, "placed");
  EXPECT_EQ(event.data, R"({ "total" : 1.50 })");  // as it was written
  EXPECT_EQ(event.content_type, "application/json");
  EXPECT_EQ(event.metadata, R"({"tenant":"acme"})");
}

TEST_F(WalMessages, TakeHeadersOutOfTwoArrays) {
  auto& columns = outbox_->settings().rows.columns;
  columns[outbox::Role::kHeaderNames] = {connectors::ColumnOrConstant::Is::kColumn, "names"};
  columns[outbox::Role::kHeaderValues] = {connectors::ColumnOrConstant::Is::kColumn, "vals"};
  reader_ = nullptr;
  reader_ = std::make_unique<WalReader>(*outbox_);
  ASSERT_TRUE(reader_->open());
  emit("'{" + head(1) + R"(,"names":["trace", "a\u00e9"],"vals":["t1", null]}')");
  emit("'{" + head(2) + R"(,"names":["trace"],"vals":[1]}')");
  emit("'{" + head(3) + "}'");
  const auto items = reader_->read(3);
  ASSERT_TRUE(items[0].event) << items[0].malformed->reason;
  EXPECT_EQ(items[0].event->metadata, "{\"trace\":\"t1\",\"a\u00e9\":null}");
  ASSERT_TRUE(items[1].malformed);
  EXPECT_NE(items[1].malformed->reason.find("column `vals`: is no list of texts"), std::string::npos)
      << items[1].malformed->reason;
  EXPECT_EQ(items[2].event->metadata, "{}");
}

// The client library holds one of somebody else; nothing is added to that.
TEST_F(WalMessages, AreLeftOutWithoutACopyWhereTheyAreOfSomebodyElse) {
  constexpr std::size_t kMessageMib = 100;
  forget_peak_memory();
  const std::size_t before = peak_memory_kib();
  emit("repeat('x', " + std::to_string(kMessageMib << 20) + ")", "other");
  emit("'{" + head(1) + R"(,"payload":1}')");
  EXPECT_EQ(data_of(reader_->read(1)), "1");
  EXPECT_LT(peak_memory_kib() - before, (kMessageMib + 15) << 10);
}

TEST_F(WalMessages, TellNoDataFromAStringFromAnObject) {
  emit("'{" + head(1) + R"(,"payload":"plain \"text\""}')");
  emit("'{" + head(2) + R"(,"payload":null}')");
  emit("'{" + head(3) + "}'");
  emit("'{" + head(4) + R"(,"payload":[1, 2]}')");
  const auto items = reader_->read(4);
  EXPECT_EQ(items[0].event->data, R"(plain "text")");
  EXPECT_FALSE(items[1].event->data);
  EXPECT_FALSE(items[2].event->data);
  EXPECT_EQ(items[3].event->data, "[1, 2]");
}

TEST_F(WalMessages, TakeAnyBytesBehindAHeaderLine) {
  emit("'{" + head(1) + R"(,"content_type":"application/x-thing"}')" + "::bytea || '\\x0a00ff0a10'::bytea");
  const auto items = reader_->read(1);
  ASSERT_TRUE(items[0].event) << items[0].malformed->reason;
  EXPECT_EQ(items[0].event->data, std::string_view("\x00\xff\x0a\x10", 4));
  EXPECT_EQ(items[0].event->content_type, "application/x-thing");
}

TEST_F(WalMessages, HaveTheFateOfTheirTransaction) {
  outbox_->execute("BEGIN; SELECT pg_logical_emit_message(true, 'shop', '{" + head(1) + "}'); ROLLBACK;");
  outbox_->execute("SELECT pg_logical_emit_message(false, 'shop', '{" + head(2) + "}')");
  emit("'{" + head(3) + "}'", "other");
  emit("'{" + head(4) + "}'");
  EXPECT_EQ(reader_->read(1)[0].event->id.to_string(), "0190a7e2-0000-7000-8000-000000000004");
}

// Fault 41: what no event can be made of is parked, and the rest goes on.
TEST_F(WalMessages, Fault41AreParkedWhenTheyAreMalformed) {
  emit("'no json at all'");
  emit("'{\"id\":\"not a uuid\",\"aggregatetype\":\"order\",\"aggregateid\":\"7\",\"type\":\"placed\"}'");
  emit("'\\xff00'::bytea");
  emit("'{" + head(4) + "}'");
  const auto items = reader_->read(4);
  for (std::size_t i = 0; i < 3; ++i) {
    ASSERT_TRUE(items[i].malformed);
    EXPECT_EQ(items[i].malformed->code, "outbox.row_malformed");
    EXPECT_NE(items[i].malformed->source_key.find(":1"), std::string::npos);
  }
  EXPECT_NE(items[0].malformed->content.find("no json at all"), std::string::npos);
  EXPECT_NE(items[2].malformed->content.find("base64"), std::string::npos);
  EXPECT_TRUE(items[3].event);
}

// As of a row of a table: what the data of an event may have, whatever is beside it.
TEST_F(WalMessages, HoldThePayloadAgainstTheLimitOfAnEvent) {
  reader_.reset();
  outbox_->settings().rows.event_bytes = 1'000;
  reader_ = std::make_unique<WalReader>(*outbox_);
  ASSERT_TRUE(eventually([&] { return reader_->open().has_value(); }));
  const auto payload = [](int number, std::size_t bytes) {
    return "'{" + head(number) + ",\"payload\":\"" + std::string(bytes, 'x') + "\"}'";
  };
  emit(payload(1, 1'000));
  emit(payload(2, 1'001));
  emit("'{" + head(3) + ",\"note\":\"" + std::string(140'000, 'x') + "\"}'");
  const auto items = reader_->read(3);
  ASSERT_TRUE(items[0].event);
  EXPECT_EQ(items[0].event->data->size(), 1'000U);
  ASSERT_TRUE(items[1].malformed);
  EXPECT_EQ(items[1].malformed->reason,
            "messages with prefix shop: the payload has 1001 bytes, and [limits] event_bytes allows 1000");
  ASSERT_TRUE(items[2].malformed);
  EXPECT_NE(items[2].malformed->reason.find("beside the payload"), std::string::npos) << items[2].malformed->reason;
}

// Fault 43: hostile text: its bytes come through as they were written, or it is parked.
TEST_F(WalMessages, Fault43KeepTheirBytesOrAreParked) {
  const std::string deep = std::string(10'000, '[') + std::string(10'000, ']');
  const std::string digits(10'000, '7');  // beyond any number that a reader could take
  const auto with_payload = [](int number, const std::string& payload) {
    return "'{" + head(number) + ",\"payload\":" + payload + "}'";
  };
  emit(with_payload(1, deep));
  emit(with_payload(2, digits));
  emit(with_payload(3, R"("a\r\nb")"));
  emit("'{" + head(4) + R"(,"tenant":"a\r\nb\u202e"}')");
  const auto items = reader_->read(4);
  for (const auto& item : items) ASSERT_TRUE(item.event) << item.malformed->reason;
  EXPECT_EQ(items[0].event->data, deep);
  EXPECT_EQ(items[1].event->data, digits);
  EXPECT_EQ(items[2].event->data, "a\r\nb");
  EXPECT_EQ(items[3].event->metadata, R"({"tenant":"a\u000d\u000ab)"
                                      "\xE2\x80\xAE\"}");

  emit(R"('{"id":"0190a7e2-0000-7000-8000-000000000005","aggregatetype":"order","aggregateid":"\u0000","type":"t"}')");
  emit(R"('{"id":"0190a7e2-0000-7000-8000-000000000006","aggregatetype":"\ud800","aggregateid":"7","type":"t"}')");
  emit(R"('{"id":"0190a7e2-0000-7000-8000-000000000007","aggregatetype":"order","aggregateid":')" +
       std::string(" || '\"' || repeat('k', 1000000) || '\",\"type\":\"t\"}'"));
  for (const auto& item : reader_->read(3)) {
    ASSERT_TRUE(item.malformed);
    EXPECT_FALSE(item.malformed->reason.empty());
  }
}

// Names of their own at the top level make a new set of columns of each message.
TEST_F(WalMessages, OfManyShapesTakeNoMemoryForGood) {
  const auto emit_shapes = [&](int count) {
    outbox_->execute(
        "SELECT pg_logical_emit_message(true, 'shop', (SELECT '{" + head(1) +
        ",' || string_agg('\"of_' || m || '_' || n || '\":1', ',') || '}' FROM generate_series(1, 3000) n))"
        " FROM generate_series(1, " +
        std::to_string(count) + ") m");
  };
  emit_shapes(20);
  reader_->read(20, 5);
  forget_peak_memory();
  const std::size_t before = peak_memory_kib();
  emit_shapes(200);
  reader_->read(200, 5);
  EXPECT_LT(peak_memory_kib(), before + (64 << 10));
}

TEST_F(WalMessages, ThatAreTooLongInAnyFormAreNotTakenApart) {
  outbox_->settings().rows.event_bytes = 1'000;
  reader_ = nullptr;
  reader_ = std::make_unique<WalReader>(*outbox_);
  ASSERT_TRUE(reader_->open());
  emit("'{" + head(1) + ",\"payload\":\"' || repeat('\\u0041', 1000) || '\"}'");
  emit("'{" + head(2) + "' || repeat(' ', 800000) || '}'");
  const auto items = reader_->read(2);
  EXPECT_EQ(data_of(items), std::string(1'000, 'A') + " !");
  ASSERT_TRUE(items[1].malformed);
  EXPECT_NE(items[1].malformed->reason.find("in any form"), std::string::npos) << items[1].malformed->reason;
}

}  // namespace
}  // namespace penstock::tests
