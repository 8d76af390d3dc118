// Why an opening is refused, in words that hold the cure.
#include "tests/integration/outbox/outbox_fixture.h"
#include "tests/support/test_role.h"

namespace penstock::tests {
namespace {

using namespace std::chrono_literals;

class OutboxColumns : public OutboxTest {
 protected:
  void expect_refused(std::string_view code, std::string_view words) {
    const auto opened = try_open();
    EXPECT_EQ(code_of(opened), code);
    if (!opened) {
      EXPECT_NE(opened.error().message().find(words), std::string::npos) << opened.error().message();
    }
  }
};

TEST_F(OutboxColumns, NeedATable) {
  outbox().settings().table.name = "Outbox";
  expect_refused("outbox.table_missing", "there is no table shop.Outbox");
}

TEST_F(OutboxColumns, NeedARoleThatMayLogIn) {
  const std::string role = "relay_" + outbox().value("SELECT replace(gen_random_uuid()::text, '-', '')");
  const std::string url = outbox().url();
  outbox().settings().url = Secret(url + (url.find('?') == std::string::npos ? "?" : "&") + "user=" + role);
  expect_refused("outbox.unauthorized", "CREATE ROLE \"" + role + "\" LOGIN;");
  outbox().execute("CREATE ROLE " + role);
  expect_refused("outbox.unauthorized", "ALTER ROLE \"" + role + "\" LOGIN;");
  outbox().execute("DROP ROLE " + role);
}

TEST_F(OutboxColumns, NeedATableAndNoView) {
  outbox().execute("CREATE VIEW shop.seen AS SELECT * FROM shop.outbox");
  outbox().settings().table.name = "seen";
  expect_refused("outbox.table_missing", "view");
}

TEST_F(OutboxColumns, NeedWhatIsMapped) {
  outbox().execute("ALTER TABLE shop.outbox DROP COLUMN payload");
  expect_refused("outbox.table_missing", "`payload`");
}

TEST_F(OutboxColumns, NeedAnOrder) {
  outbox().settings().order_by = "number";
  expect_refused("outbox.order_missing", "ADD COLUMN \"number\" bigint GENERATED ALWAYS AS IDENTITY UNIQUE");
}

TEST_F(OutboxColumns, NeedAnOrderOfIntegers) {
  outbox().settings().order_by = "id";
  expect_refused("outbox.order_missing", "uuid");
}

TEST_F(OutboxColumns, NeedAnOrderThatIsNeverNull) {
  outbox().execute("ALTER TABLE shop.outbox ADD COLUMN n bigint UNIQUE");
  outbox().settings().order_by = "n";
  expect_refused("outbox.order_missing", R"(ALTER TABLE "shop"."outbox" ALTER COLUMN "n" SET NOT NULL)");
}

// An index that the server makes there: also a partition's own partitions ask for their key in it.
TEST_F(OutboxColumns, OfACursorOverPartitionsNeedAnIndexThatThereCanBe) {
  use_partitions(", region text");
  outbox().execute("CREATE TABLE shop.day3 PARTITION OF shop.outbox FOR VALUES IN (3) PARTITION BY LIST (region)");
  outbox().settings().policy = outbox::KeepRows{};
  const std::string cure = R"(CREATE UNIQUE INDEX ON "shop"."outbox" ("seq", "day", "region");)";
  expect_refused("outbox.order_missing", cure);
  outbox().execute(cure);
  EXPECT_EQ(code_of(try_open()), "ok");
}

TEST_F(OutboxColumns, OfACursorOverPartitionsMadeByAnExpressionAreRefused) {
  outbox().execute(
      "DROP TABLE shop.outbox; CREATE TABLE shop.outbox (seq bigint GENERATED ALWAYS AS IDENTITY, id uuid,"
      " aggregatetype text, aggregateid text, type text, payload jsonb) PARTITION BY LIST ((seq % 2))");
  outbox().settings().policy = outbox::KeepRows{};
  expect_refused("outbox.order_missing", R"(take policy "delete", "mark" or "track")");
}

TEST_F(OutboxColumns, NeedTheRightToDelete) {
  const TestRole role(outbox().url());
  role.grant("USAGE ON SCHEMA shop");
  role.grant("SELECT ON shop.outbox");
  outbox().settings().url = role.url();
  expect_refused("outbox.unauthorized", R"(GRANT SELECT, DELETE ON "shop"."outbox" TO )" + role.name());
  role.grant("DELETE ON shop.outbox");
  EXPECT_EQ(code_of(try_open()), "ok");
}

TEST_F(OutboxColumns, NeedADatabase) {
  outbox().settings().url = Secret("postgresql://nobody@127.0.0.1:1/none");
  expect_refused("outbox.unavailable", "");
}

// A cursor would pass what comes late under a lower number.
TEST_F(OutboxColumns, NeedNumbersThatAscendUnderACursor) {
  outbox().settings().policy = outbox::KeepRows{};
  outbox().execute("ALTER SEQUENCE shop.outbox_seq_seq CACHE 20");
  expect_refused("outbox.order_missing", "ALTER SEQUENCE shop.outbox_seq_seq CACHE 1;");
  outbox().execute("ALTER SEQUENCE shop.outbox_seq_seq CACHE 1 INCREMENT BY -1");
  expect_refused("outbox.order_missing", "ever lower numbers");
  outbox().settings().policy = outbox::DeleteRows{};
  EXPECT_EQ(code_of(try_open()), "ok");
}

// Of a number with a fraction the scan would make one that no settlement finds, so that its row came again for ever.
TEST_F(OutboxColumns, Fault21NeedAnOrderOfIntegersUnderWayToo) {
  outbox().insert("a", 1);
  const auto source = open();
  ASSERT_EQ(read(*source).size(), 1U);
  ASSERT_TRUE(source->settle(ReadMark{1}));
  outbox().execute(
      "ALTER TABLE shop.outbox ALTER seq DROP IDENTITY; ALTER TABLE shop.outbox ALTER seq TYPE numeric;"
      " INSERT INTO shop.outbox (seq, aggregatetype, aggregateid, type) VALUES (1000.5, 'order', 'a', 'counted')");
  const auto batch = source->read(kMuchRoom, Deadline::in(0s), {});
  ASSERT_FALSE(batch);
  EXPECT_EQ(batch.error().code().name, "outbox.refused");
  EXPECT_NE(batch.error().message().find("another type"), std::string::npos) << batch.error().message();
  const auto reopen = [&] { return source->open({}, Deadline::in(10s), {}); };
  EXPECT_EQ(code_of(reopen()), "outbox.order_missing");
  outbox().execute("ALTER TABLE shop.outbox ALTER seq TYPE bigint");
  ASSERT_TRUE(reopen());
  EXPECT_EQ(read(*source).size(), 1U);
}

// Read on as what they were, these would be other bytes, or ids that no settlement finds.
TEST_F(OutboxColumns, Fault21AreLookedAtAnewWhenTheirTypesChange) {
  const char* const changes[] = {
      "payload TYPE text",
      "type TYPE text",        // was read without a look at its length
      "tenant TYPE char(30)",  // so was this one
      "payload TYPE bytea USING convert_to(payload, 'UTF8')",
      "payload TYPE jsonb USING convert_from(payload, 'UTF8')::jsonb",
      "aggregateid TYPE uuid USING gen_random_uuid()",
      "id TYPE text",
      "id TYPE bigint USING 7",
      "id TYPE text USING '007'",
  };
  outbox().execute("ALTER TABLE shop.outbox ALTER id DROP DEFAULT, ADD tenant char(20)");
  const auto source = open();
  for (const char* change : changes) {
    EXPECT_EQ(read(*source).size(), 0U);
    outbox().execute("ALTER TABLE shop.outbox ALTER " + std::string(change));
    const auto batch = source->read(kMuchRoom, Deadline::in(0s), {});
    ASSERT_FALSE(batch) << change;
    EXPECT_EQ(batch.error().code().name, "outbox.refused") << change;
    ASSERT_TRUE(source->open({}, Deadline::in(10s), {})) << change;
  }
}

TEST_F(OutboxColumns, Fault21KeepTheBytesOfAPayloadWhoseTypeChanges) {
  const auto source = open();
  EXPECT_EQ(read(*source).size(), 0U);
  outbox().insert("a", 12);
  outbox().execute("ALTER TABLE shop.outbox ALTER payload TYPE bytea USING convert_to(payload::text, 'UTF8')");
  EXPECT_FALSE(source->read(kMuchRoom, Deadline::in(0s), {}));
  ASSERT_TRUE(source->open({}, Deadline::in(10s), {}));
  EXPECT_EQ(data_of(read(*source)), "12");
}

TEST_F(OutboxColumns, MayGrowUnderWay) {
  outbox().execute("ALTER TABLE shop.outbox ALTER seq TYPE int, ALTER type TYPE varchar(2000)");
  const auto source = open();
  outbox().insert("a", 1);
  EXPECT_EQ(data_of(read(*source)), "1");
  outbox().execute("ALTER TABLE shop.outbox ALTER seq TYPE bigint, ALTER type TYPE varchar(4000), ADD tenant text");
  outbox().insert("a", 2);
  EXPECT_EQ(data_of(read(*source)), "2") << "in the same opening";
  ASSERT_TRUE(source->settle(ReadMark{2}));
  EXPECT_EQ(outbox().rows(), 0U);
}

TEST_F(OutboxColumns, TakeNamesThatNeedQuotes) {
  outbox().execute(R"(CREATE SCHEMA "My Shop"; CREATE TABLE "My Shop"."Out""box" (LIKE shop.outbox INCLUDING ALL);
      ALTER TABLE "My Shop"."Out""box" RENAME seq TO "Order"; ALTER TABLE "My Shop"."Out""box" RENAME payload TO "a b";
      INSERT INTO "My Shop"."Out""box"(aggregatetype, aggregateid, type, "a b") VALUES ('order', 'a', 'x', '1'))");
  outbox().settings().table = {"My Shop", "Out\"box"};
  outbox().settings().order_by = "Order";
  outbox().settings().columns[outbox::Role::kPayload].text = "a b";
  const auto source = open();
  ASSERT_EQ(data_of(read(*source)), "1");
  ASSERT_TRUE(source->settle(ReadMark{1}));
  EXPECT_EQ(outbox().value(R"(SELECT count(*) FROM "My Shop"."Out""box")"), "0");
}

}  // namespace
}  // namespace penstock::tests
