#include "tests/contract/store/store_contract.h"

namespace penstock::tests {
namespace {

using store::ParkedAs;
using store::ParkedEvent;

ParkedEvent parked(std::string route, std::string source_key, std::string content = "{}") {
  ParkedEvent row;
  row.route = std::move(route);
  row.source = "orders";
  row.source_key = std::move(source_key);
  row.code = "outbox.row_malformed";
  row.reason = "the column type is empty";
  row.content = std::move(content);
  return row;
}

TEST_P(ParkedContract, GivesBackEveryField) {
  ParkedEvent row = parked("to-kafka", "17", "{\"payload\": \"x\"}");
  row.as = ParkedAs::kSkipped;
  row.event_id = id_of('a');
  row.key = "7";
  row.position = Position{3};
  row.kept = ParkedEvent::Kept::kByReference;
  ASSERT_TRUE(store().parked().park({row}));
  const auto number = store().parked().list("to-kafka", 0, 10)->at(0).number;
  const auto found = store().parked().find(number);
  ASSERT_TRUE(found && *found);
  const ParkedEvent& read = **found;
  EXPECT_EQ(read.as, ParkedAs::kSkipped);
  EXPECT_EQ(read.route, "to-kafka");
  EXPECT_EQ(read.source, "orders");
  EXPECT_EQ(read.source_key, "17");
  EXPECT_EQ(read.event_id, id_of('a'));
  EXPECT_EQ(read.key, "7");
  EXPECT_EQ(read.position, Position{3});
  EXPECT_EQ(read.code, row.code);
  EXPECT_EQ(read.reason, row.reason);
  EXPECT_EQ(read.content, row.content);
  EXPECT_EQ(read.kept, ParkedEvent::Kept::kByReference);
  EXPECT_GT(read.parked_at, Timestamp{});
}

TEST_P(ParkedContract, KeepsWhatIsAbsentAbsent) {
  ASSERT_TRUE(store().parked().park({parked("to-kafka", "17")}));
  const ParkedEvent read = store().parked().list("", 0, 10)->at(0);
  EXPECT_EQ(read.as, ParkedAs::kParked);
  EXPECT_FALSE(read.event_id);
  EXPECT_FALSE(read.key);
  EXPECT_FALSE(read.position);
}

TEST_P(ParkedContract, ParksTheSameThingOnce) {
  ASSERT_TRUE(store().parked().park({parked("to-kafka", "17"), parked("to-kafka", "17")}));
  ParkedEvent again = parked("to-kafka", "17");
  again.reason = "another reason";
  ASSERT_TRUE(store().parked().park({again}));
  EXPECT_EQ(store().parked().count("to-kafka"), 1u);
  EXPECT_EQ(store().parked().list("", 0, 10)->at(0).reason, "the column type is empty");
}

TEST_P(ParkedContract, TellsRowsApartByRouteSourceKeyAndContent) {
  ParkedEvent other_source = parked("to-kafka", "17");
  other_source.source = "store";
  ASSERT_TRUE(store().parked().park({parked("to-kafka", "17"), parked("to-rabbit", "17"), parked("to-kafka", "18"),
                                     parked("to-kafka", "17", "{\"a\":1}"), other_source}));
  EXPECT_EQ(store().parked().count(""), 5u);
  EXPECT_EQ(store().parked().count("to-kafka"), 4u);
  EXPECT_EQ(store().parked().count("to-nowhere"), 0u);
}

TEST_P(ParkedContract, ListsByNumberWithoutContent) {
  for (int i = 0; i < 5; ++i)
    ASSERT_TRUE(store().parked().park({parked("a", std::to_string(i)), parked("b", std::to_string(i))}));
  std::vector<std::string> keys;
  std::int64_t after = 0;
  for (;;) {
    const auto page = store().parked().list("b", after, 2);
    ASSERT_TRUE(page) << page.error().describe();
    if (page->empty()) break;
    EXPECT_LE(page->size(), 2u);
    for (const ParkedEvent& row : *page) {
      EXPECT_GT(row.number, after);
      EXPECT_TRUE(row.content.empty());
      keys.push_back(row.source_key);
      after = row.number;
    }
  }
  EXPECT_EQ(keys, (std::vector<std::string>{"0", "1", "2", "3", "4"}));
}

TEST_P(ParkedContract, FindsNothingUnderAnUnknownNumber) {
  const auto found = store().parked().find(99);
  ASSERT_TRUE(found) << found.error().describe();
  EXPECT_FALSE(*found);
}

TEST_P(ParkedContract, NamesRowsThatAreKeptByReference) {
  ParkedEvent large = parked("in", "5", "{\"length\": 9000000}"), elsewhere = parked("in", "6", "{\"length\": 1}");
  large.kept = elsewhere.kept = ParkedEvent::Kept::kByReference;
  elsewhere.source = "other";
  ASSERT_TRUE(store().parked().park({large, elsewhere, parked("in", "7")}));
  EXPECT_EQ(store().parked().kept_by_reference("in", "orders"), std::vector<std::string>{"5"});
}

TEST_P(ParkedContract, OutlivesARestart) {
  ASSERT_TRUE(store().parked().park({parked("a", "1")}));
  reopen();
  EXPECT_EQ(store().parked().count("a"), 1u);
}

TEST_P(ParkedContract, KeepsLargeAndForeignText) {
  const std::string content = "{\"t\":\"\xF0\x9F\x9A\x80 ' \\u0000 " + std::string(200'000, 'x') + "\"}";
  ASSERT_TRUE(store().parked().park({parked("a", "ключ", content)}));
  const auto number = store().parked().list("a", 0, 1)->at(0).number;
  EXPECT_EQ((*store().parked().find(number))->content, content);
  EXPECT_EQ((*store().parked().find(number))->source_key, "ключ");
}

}  // namespace
}  // namespace penstock::tests
