// Rows that no event can be made of, polled and read from the log: the same verdict either way.
#include <gmock/gmock.h>

#include "tests/integration/wal/wal_reader.h"

namespace penstock::tests {
namespace {

using testing::HasSubstr;

struct Case {
  std::string_view values;   // id, aggregatetype, aggregateid, type, payload, headers, at
  std::string_view verdict;  // what the reason names; empty: it becomes an event
};

constexpr std::string_view kIdOfDuplicates = "0190a7e2-0000-7000-8000-00000000000d";

constexpr Case kCases[] = {
    {"gen_random_uuid(), 'order', '7', 'placed', '{}', '{}', '2026-01-01Z'", ""},
    {"NULL, 'order', '7', 'placed', '{}', '{}', '2026-01-01Z'", "column `id`: is NULL"},
    {"'no uuid', 'order', '7', 'placed', '{}', '{}', '2026-01-01Z'", "column `id`"},
    {"gen_random_uuid(), NULL, '7', 'placed', '{}', '{}', '2026-01-01Z'", "column `aggregatetype`"},
    {"gen_random_uuid(), '', '7', 'placed', '{}', '{}', '2026-01-01Z'", "column `aggregatetype`"},
    {"gen_random_uuid(), 'order', NULL, 'placed', '{}', '{}', '2026-01-01Z'", "column `aggregateid`: is NULL"},
    {"gen_random_uuid(), 'order', '7', '', '{}', '{}', '2026-01-01Z'", "column `type`"},
    {"gen_random_uuid(), 'order', '7', NULL, '{}', '{}', '2026-01-01Z'", "column `type`"},
    {"gen_random_uuid(), 'order', '7', repeat('ä', 200), '{}', '{}', '2026-01-01Z'", "column `type`"},
    {"gen_random_uuid(), 'order', '7', 'placed', '{\"broken', '{}', '2026-01-01Z'", ""},  // passed on as it is
    {"gen_random_uuid(), 'order', '7', 'placed', NULL, '{}', '2026-01-01Z'", ""},
    {"gen_random_uuid(), 'order', '7', 'placed', '{}', '{\"broken', '2026-01-01Z'", "column `headers`"},
    {"gen_random_uuid(), 'order', '7', 'placed', '{}', '[1]', '2026-01-01Z'", "column `headers`"},
    {"gen_random_uuid(), 'order', '7', 'placed', '{}', '{}', '9999-12-31Z'", ""},
    {"gen_random_uuid(), 'order', '7', 'placed', '{}', '{}', '0001-01-01Z'", ""},
    {"gen_random_uuid(), 'order', '7', 'placed', '{}', '{}', '0044-03-15Z BC'", "column `at`"},
    {"gen_random_uuid(), 'order', '7', 'placed', '{}', '{}', '12026-01-01Z'", "column `at`"},
    {"gen_random_uuid(), 'order', '7', 'placed', '{}', '{}', 'infinity'", "column `at`"},
    {"'0190a7e2-0000-7000-8000-00000000000d', 'order', '7', 'placed', '{\"same\":1}', '{}', '2026-01-01Z'", ""},
    {"'0190a7e2-0000-7000-8000-00000000000d', 'order', '7', 'placed', '{\"same\":1}', '{}', '2026-01-01Z'", ""},
    {"'0190a7e2-0000-7000-8000-00000000000d', 'order', '7', 'placed', '{\"other\":1}', '{}', '2026-01-01Z'", ""},
};

class MalformedRows : public testing::Test {
 protected:
  void SetUp() override {
    PENSTOCK_NEEDS(Server::kPostgres);
    outbox_ = std::make_unique<WalOutbox>(", headers text, at timestamptz");
    outbox_->execute(
        "ALTER TABLE shop.outbox ALTER id DROP DEFAULT, ALTER id TYPE text, ALTER type TYPE text,"
        " ALTER payload TYPE text");
    auto& columns = outbox_->settings().rows.columns;
    columns[outbox::Role::kHeaders] = {ColumnOrConstant::Is::kColumn, "headers"};
    columns[outbox::Role::kOccurredAt] = {ColumnOrConstant::Is::kColumn, "at"};
  }
  void insert_all() {
    for (const Case& one : kCases)
      outbox_->execute("INSERT INTO shop.outbox(id, aggregatetype, aggregateid, type, payload, headers, at) VALUES (" +
                       std::string(one.values) + ")");
  }
  static void expect_verdicts(const std::vector<connectors::ReadItem>& items) {
    ASSERT_EQ(items.size(), std::size(kCases));
    for (std::size_t i = 0; i < items.size(); ++i) {
      SCOPED_TRACE(kCases[i].values);
      if (kCases[i].verdict.empty()) {
        ASSERT_FALSE(items[i].malformed) << items[i].malformed->reason;
      } else {
        ASSERT_TRUE(items[i].malformed);
        EXPECT_EQ(items[i].malformed->code, "outbox.row_malformed");
        EXPECT_THAT(items[i].malformed->reason, HasSubstr(std::string(kCases[i].verdict)));
        EXPECT_FALSE(items[i].malformed->source_key.empty());
      }
    }
    // Same bytes or not is for the store to say, which knows what it has.
    const auto* duplicates = &items[items.size() - 3];
    for (int i = 0; i < 3; ++i) EXPECT_EQ(duplicates[i].event->id.to_string(), kIdOfDuplicates);
    EXPECT_EQ(duplicates[0].event->data, duplicates[1].event->data);
    EXPECT_NE(duplicates[0].event->data, duplicates[2].event->data);
  }

  std::unique_ptr<WalOutbox> outbox_;
};

TEST_F(MalformedRows, Fault41AreParkedFromTheLogWithTheirReason) {
  WalReader reader(*outbox_);
  const auto opened = reader.open();
  ASSERT_TRUE(opened) << opened.error().describe();
  insert_all();
  expect_verdicts(reader.read(std::size(kCases)));
}

TEST_F(MalformedRows, Fault41AreParkedByAPollWithTheirReason) {
  insert_all();
  expect_verdicts(poll_once(*outbox_));
  EXPECT_EQ(outbox_->value("SELECT count(*) FROM shop.outbox"), "0");
}

struct ListedHeaders {
  std::string_view values;    // names, values
  std::string_view metadata;  // or what the reason says
};

constexpr ListedHeaders kListedHeaders[] = {
    {"'{trace,tenant}', '{t1,acme}'", R"({"trace":"t1","tenant":"acme"})"},
    {"ARRAY['a b', 'c,d', 'e}f', '\"', '\\', ''], ARRAY['1', 'NULL', 'null', '{', ' ', E'x\ty']",
     R"({"a b":"1","c,d":"NULL","e}f":"null","\"":"{","\\":" ","":"x\u0009y"})"},
    {"'[0:1]={a,b}', '{1,NULL}'", R"({"a":"1","b":null})"},
    {"'{}', '{}'", "{}"},
    {"NULL, NULL", "{}"},
    {"'{a,b}', '{1}'", "column `vals`: has 1 values for 2 names"},
    {"'{a}', NULL", "column `vals`: has 0 values for 1 names"},
    {"'{a,NULL}', '{1,2}'", "column `names`: holds a name that is NULL"},
    {"'{{a},{b}}', '{1,2}'", "column `names`: is no list of texts"},
    {"'{a}', '{{1}}'", "column `vals`: is no list of texts"},
};

class RowsWithListedHeaders : public testing::Test {
 protected:
  void SetUp() override {
    PENSTOCK_NEEDS(Server::kPostgres);
    outbox_ = std::make_unique<WalOutbox>(", names text[], vals text[]");
    auto& columns = outbox_->settings().rows.columns;
    columns[outbox::Role::kHeaderNames] = {ColumnOrConstant::Is::kColumn, "names"};
    columns[outbox::Role::kHeaderValues] = {ColumnOrConstant::Is::kColumn, "vals"};
  }
  void insert_all() {
    for (const ListedHeaders& one : kListedHeaders)
      outbox_->execute(
          "INSERT INTO shop.outbox(aggregatetype, aggregateid, type, names, vals) VALUES ('order', '7', 'x', " +
          std::string(one.values) + ")");
  }
  static void expect_headers(const std::vector<connectors::ReadItem>& items) {
    ASSERT_EQ(items.size(), std::size(kListedHeaders));
    for (std::size_t i = 0; i < items.size(); ++i) {
      SCOPED_TRACE(kListedHeaders[i].values);
      if (items[i].malformed) {
        EXPECT_THAT(items[i].malformed->reason, testing::EndsWith(std::string(kListedHeaders[i].metadata)));
      } else {
        EXPECT_EQ(items[i].event->metadata, kListedHeaders[i].metadata);
      }
    }
  }

  std::unique_ptr<WalOutbox> outbox_;
};

TEST_F(RowsWithListedHeaders, HaveTheSameHeadersFromTheLog) {
  WalReader reader(*outbox_);
  const auto opened = reader.open();
  ASSERT_TRUE(opened) << opened.error().describe();
  insert_all();
  expect_headers(reader.read(std::size(kListedHeaders)));
}

TEST_F(RowsWithListedHeaders, HaveTheSameHeadersByAPoll) {
  insert_all();
  expect_headers(poll_once(*outbox_));
}

}  // namespace
}  // namespace penstock::tests
