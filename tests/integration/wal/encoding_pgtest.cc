// A database that doesn't know the encoding of its texts takes any bytes for them: what is UTF-8 becomes an event,
// polled and read from the log, and what isn't stops nobody.
#include <gmock/gmock.h>

#include "tests/integration/wal/wal_reader.h"

namespace penstock::tests {
namespace {

using testing::HasSubstr;

struct Case {
  std::string_view values;   // id, aggregatetype, aggregateid, type, payload, note; psql's E'' for bytes
  std::string_view verdict;  // what the reason names; empty: it becomes an event
};

constexpr Case kCases[] = {
    {"'a', 'order', E'\\303\\244', 'placed', E'\\303\\266', 'x'", ""},
    {"'b', 'order', E'\\377', 'placed', '1', 'x'", "column `aggregateid`: is not UTF-8 text"},
    {"'c', E'\\344', '7', 'placed', '1', 'x'", "column `aggregatetype`: is not UTF-8 text"},
    {"'d', 'order', '7', E'\\344', '1', 'x'", "column `type`: is not UTF-8 text"},
    {"'e', 'order', '7', 'placed', E'\\344', 'x'", "column `payload`: is not UTF-8 text"},
    {"'f', 'order', '7', 'placed', '1', E'\\344'", ""},  // said as U+FFFD in the metadata
    {"'g', 'order', '7', 'placed', '2', 'x'", ""},
};

class UnknownEncoding : public testing::Test {
 protected:
  void SetUp() override {
    PENSTOCK_NEEDS(Server::kPostgres);
    outbox_ = std::make_unique<WalOutbox>(", note text", FreshDatabase::Encoding::kSqlAscii);
    outbox_->execute("ALTER TABLE shop.outbox ALTER id DROP DEFAULT, ALTER id TYPE text, ALTER payload TYPE text");
    outbox_->settings().rows.id_kind = outbox::IdKind::kAny;
  }
  void insert_all() {
    for (const Case& one : kCases)
      outbox_->execute("INSERT INTO shop.outbox(id, aggregatetype, aggregateid, type, payload, note) VALUES (" +
                       std::string(one.values) + ")");
  }
  static void expect_verdicts(const std::vector<connectors::ReadItem>& items) {
    ASSERT_EQ(items.size(), std::size(kCases));
    for (std::size_t i = 0; i < items.size(); ++i) {
      SCOPED_TRACE(kCases[i].values);
      if (kCases[i].verdict.empty()) {
        ASSERT_FALSE(items[i].malformed) << items[i].malformed->reason;
        continue;
      }
      ASSERT_TRUE(items[i].malformed);
      EXPECT_THAT(items[i].malformed->reason, HasSubstr(std::string(kCases[i].verdict)));
      EXPECT_THAT(items[i].malformed->content, HasSubstr("base64"));
    }
    EXPECT_EQ(items[0].event->key, "\u00e4");
    EXPECT_EQ(items[0].event->data, "\u00f6");
    EXPECT_THAT(std::string(items[5].event->metadata), HasSubstr("\ufffd"));
  }

  std::unique_ptr<WalOutbox> outbox_;
};

TEST_F(UnknownEncoding, Fault41StopsNoSourceFromTheLog) {
  WalReader reader(*outbox_);
  const auto opened = reader.open();
  ASSERT_TRUE(opened) << opened.error().describe();
  insert_all();
  expect_verdicts(reader.read(std::size(kCases)));
}

TEST_F(UnknownEncoding, Fault41StopsNoPoll) {
  insert_all();
  expect_verdicts(poll_once(*outbox_));
  EXPECT_EQ(outbox_->value("SELECT count(*) FROM shop.outbox"), "0");
}

}  // namespace
}  // namespace penstock::tests
