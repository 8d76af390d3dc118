// Conditional appends: only if nothing that matches came after a position.
#include <atomic>
#include <future>
#include <map>
#include <thread>

#include "tests/contract/store/store_contract.h"

namespace penstock::tests {
namespace {

using store::AppendRequest;
using store::EventQuery;
using store::QueryItem;

std::string metadata_with(const std::vector<std::string>& tags, const std::string& members = "") {
  std::string text;
  for (const std::string& tag : tags) text += (text.empty() ? "\"" : ",\"") + tag + "\"";
  return "{\"tags\":[" + text + "]" + (members.empty() ? "" : "," + members) + "}";
}

AppendRequest on_condition(EventQuery query, Position after, EventRef written = event({.stream = "decision-1"})) {
  AppendRequest made;
  made.events = {std::move(written)};
  made.condition = store::AppendCondition{std::move(query), after};
  return made;
}

const char* const kFailed = "store.condition_failed";

TEST_P(ConditionContract, AsksForWhatItNames) {
  // 1: order, placed, {a, b}; 2: order, paid, {b}, tenant x; 3: stock, moved, no tags, n 7
  ASSERT_TRUE(append(request({event({.stream = "order-1", .type = "placed", .metadata = metadata_with({"a", "b"})})})));
  ASSERT_TRUE(append(
      request({event({.stream = "order-2", .type = "paid", .metadata = metadata_with({"b"}, R"("tenant":"x")")})})));
  ASSERT_TRUE(append(request({event({.stream = "stock-1", .type = "moved", .metadata = R"({"n":7})"})})));
  struct Row {
    std::string name;
    EventQuery query;
    std::int64_t last_match;  // 0: none
  };
  const std::vector<Row> rows = {
      {"everything", {}, 3},
      {"an item that asks for nothing", {{QueryItem{}}}, 3},
      {"a type", {{{.types = {"paid"}}}}, 2},
      {"a type that no event has", {{{.types = {"none"}}}}, 0},
      {"one of two types", {{{.types = {"placed", "moved"}}}}, 3},
      {"a category", {{{.categories = {"order"}}}}, 2},
      {"one of two categories", {{{.categories = {"stock", "order", "stock"}}}}, 3},
      {"a category and a type", {{{.categories = {"order"}, .types = {"moved"}}}}, 0},
      {"a tag", {{{.tags = {"a"}}}}, 1},
      {"a tag of events with more", {{{.tags = {"b"}}}}, 2},
      {"two tags of one event", {{{.tags = {"b", "a"}}}}, 1},
      {"a tag named twice", {{{.tags = {"a", "a"}}}}, 1},
      {"two tags that no event has together", {{{.tags = {"a", "c"}}}}, 0},
      {"the beginning of a tag", {{{.tags = {"A"}}}}, 0},
      {"a type and a tag", {{{.types = {"paid"}, .tags = {"b"}}}}, 2},
      {"a type and a tag of different events", {{{.types = {"paid"}, .tags = {"a"}}}}, 0},
      {"a category and a tag", {{{.categories = {"stock"}, .tags = {"a"}}}}, 0},
      {"a member", {{{.metadata = {{"tenant", "x"}}}}}, 2},
      {"a member with another value", {{{.metadata = {{"tenant", "y"}}}}}, 0},
      {"a member that is a number", {{{.metadata = {{"n", "7"}}}}}, 3},
      {"a member and a tag", {{{.tags = {"b"}, .metadata = {{"tenant", "x"}}}}}, 2},
      {"one of two items", {{{.types = {"moved"}, .tags = {"a"}}, {.types = {"placed"}}}}, 1},
      {"items that overlap", {{{.tags = {"b"}}, {.categories = {"order"}}}}, 2},
  };
  for (const Row& row : rows) {
    // Beyond its last match a condition holds; the append itself is then taken out of the way of the next row.
    const auto fails = [&](std::int64_t after) {
      AppendRequest probe = on_condition(row.query, Position{after});
      probe.expected = Version{99};
      const auto answer = append(std::move(probe));
      EXPECT_EQ(code_of(answer), "store.wrong_expected_version");
      return answer.error().message().find("rules out") != std::string::npos;
    };
    for (std::int64_t after = 0; after < 5; ++after)
      EXPECT_EQ(fails(after), after < row.last_match) << row.name << ", after " << after;
  }
  EXPECT_EQ(read_log().size(), 3u);
}

TEST_P(ConditionContract, WritesOnlyWhenNothingCameInBetween) {
  const EventQuery query{{{.tags = {"seat:7"}}}};
  const auto reserve = [&](Position after) {
    return append(on_condition(
        query, after,
        event({.stream = "reservation-" + std::to_string(after.value), .metadata = metadata_with({"seat:7"})})));
  };
  EXPECT_EQ(code_of(reserve(Position{0})), "ok");
  const auto late = reserve(Position{0});
  EXPECT_EQ(code_of(late), kFailed);
  EXPECT_EQ(late.error().kind(), ErrorKind::kConflict);
  EXPECT_EQ(code_of(reserve(Position{1})), "ok");
  EXPECT_EQ(read_log().size(), 2u);
}

TEST_P(ConditionContract, IsJudgedByRequestsOfTheSameBatchToo) {
  const EventQuery query{{{.types = {"created"}, .tags = {"user:a"}}}};
  std::vector<AppendRequest> requests;
  for (int i = 0; i < 5; ++i)
    requests.push_back(on_condition(
        query, Position{0},
        event({.stream = "user-" + std::to_string(i), .type = "created", .metadata = metadata_with({"user:a"})})));
  std::vector<std::string> codes(requests.size());
  std::promise<void> answered;
  std::size_t left = requests.size();
  store().events().append_many(std::move(requests), soon(), [&](std::size_t index, auto answer) {
    codes[index] = code_of(answer);
    if (--left == 0) answered.set_value();
  });
  answered.get_future().get();
  EXPECT_EQ(codes, (std::vector<std::string>{"ok", kFailed, kFailed, kFailed, kFailed}));
}

TEST_P(ConditionContract, LetsAKnownIdWin) {
  AppendRequest sent = on_condition({{{.tags = {"a"}}}}, Position{0},
                                    event({.id = id_of('a'), .stream = "order-1", .metadata = metadata_with({"a"})}));
  ASSERT_TRUE(append(sent));
  const auto again = append(sent);
  ASSERT_TRUE(again) << again.error().describe();
  EXPECT_EQ(again->origin, store::AppendReceipt::Origin::kKnown);
}

TEST_P(ConditionContract, FailsTogetherWithTheChecks) {
  fill("order-1", 1);
  AppendRequest sent = on_condition({{{.categories = {"order"}}}}, Position{0}, event({.stream = "order-1"}));
  sent.expected = store::NoStream{};
  sent.checks = {{"order-2", store::StreamExists{}}};
  const auto answer = append(sent);
  ASSERT_EQ(code_of(answer), "store.wrong_expected_version");
  const std::string& message = answer.error().message();
  for (const char* part : {"order-1", "order-2", "rules out stands at position 1"})
    EXPECT_NE(message.find(part), std::string::npos) << message;
}

TEST_P(ConditionContract, IsRefusedWhenItIsUnfit) {
  EXPECT_EQ(code_of(append(on_condition({}, Position{-1}))), "store.invalid_request");
  EXPECT_EQ(code_of(append(on_condition({{{.tags = {""}}}}, Position{0}))), "store.invalid_request");
  EXPECT_EQ(code_of(append(on_condition({{{.tags = {std::string(256, 'x')}}}}, Position{0}))), "store.limit_exceeded");
  EXPECT_EQ(code_of(append(on_condition({{{.types = {std::string("a\0b", 3)}}}}, Position{0}))),
            "store.invalid_request");
  EXPECT_EQ(code_of(append(on_condition({std::vector<QueryItem>(store::kQueryItems + 1)}, Position{0}))),
            "store.limit_exceeded");
}

// Many candidates whose metadata has to be looked at, of which the last matches.
TEST_P(ConditionContract, LooksAtEveryCandidate) {
  std::vector<AppendRequest> requests;
  for (int i = 0; i < 450; ++i) {
    const std::string members = "\"n\":" + std::to_string(i);
    requests.push_back(request({event({.stream = "order-1", .metadata = metadata_with({"a"}, members)})}));
  }
  std::promise<void> answered;
  std::size_t left = requests.size();
  store().events().append_many(std::move(requests), soon(), [&](std::size_t, auto answer) {
    EXPECT_TRUE(answer);
    if (--left == 0) answered.set_value();
  });
  answered.get_future().get();
  for (const QueryItem& item :
       {QueryItem{.tags = {"a"}, .metadata = {{"n", "449"}}},
        QueryItem{.categories = {"order"}, .metadata = {{"n", "449"}}}, QueryItem{.metadata = {{"n", "449"}}}})
    EXPECT_EQ(code_of(append(on_condition({{item}}, Position{0}))), kFailed);
  EXPECT_EQ(code_of(append(on_condition({{{.tags = {"a"}, .metadata = {{"n", "450"}}}}}, Position{0}))), "ok");
}

// Racing creators of the same entities, in two programs: each reads what there is and creates what is missing. The
// oracle is the log: no entity twice, none missing, whoever won.
TEST_P(ConditionContract, LetsRacingCreatorsMakeEachEntityOnce) {
  constexpr int kEntities = 12, kWriters = 6;
  const auto other = open_another();
  std::atomic<int> won = 0, lost = 0;
  {
    std::vector<std::jthread> writers;
    for (int writer = 0; writer < kWriters; ++writer)
      writers.emplace_back([&, writer] {
        store::Store& mine = writer % 2 == 0 ? store() : *other;
        for (int entity = 0; entity < kEntities; ++entity) {
          const std::string tag = "user:" + std::to_string(entity);
          const auto head = mine.log().head();
          ASSERT_TRUE(head) << head.error().describe();
          bool exists = false;
          for (Position at{0}; at < *head;) {
            const auto page = mine.log().read_after(at, {}, {});
            ASSERT_TRUE(page) << page.error().describe();
            for (const Event& read : page->events->events())
              exists = exists || (QueryItem{.tags = {tag}}.matches(read) && *read.position <= *head);
            at = page->reached;
          }
          if (exists) continue;
          // A stream of its own each: only the condition stands between them.
          const auto answer = mine.events().append_and_wait(
              on_condition({{{.types = {"created"}, .tags = {tag}}}}, *head,
                           event({.stream = "user-" + std::to_string(writer) + "." + std::to_string(entity),
                                  .type = "created",
                                  .metadata = metadata_with({tag, "by:" + std::to_string(writer)})})),
              soon());
          if (!answer) {
            EXPECT_EQ(code_of(answer), kFailed);
          }
          ++(answer ? won : lost);
        }
      });
  }
  EXPECT_EQ(won, kEntities);
  std::map<std::string, int> created;
  for (const EventRef& read : read_log())
    for (int entity = 0; entity < kEntities; ++entity) {
      const std::string tag = "user:" + std::to_string(entity);
      if (QueryItem{.tags = {tag}}.matches(*read)) ++created[tag];
    }
  EXPECT_EQ(created.size(), static_cast<std::size_t>(kEntities));
  for (const auto& [tag, times] : created) EXPECT_EQ(times, 1) << tag;
}

TEST_P(ConditionContract, LetsDisjointConditionsCommitTogether) {
  std::atomic<int> won = 0;
  {
    std::vector<std::jthread> writers;
    for (int writer = 0; writer < 8; ++writer)
      writers.emplace_back([&, writer] {
        const std::string tag = "seat:" + std::to_string(writer);
        won +=
            append(on_condition({{{.tags = {tag}}}}, Position{0},
                                event({.stream = "seat-" + std::to_string(writer), .metadata = metadata_with({tag})})))
                .has_value();
      });
  }
  EXPECT_EQ(won, 8);
}

// What lies far below the head is judged apart from what is near (docs/decisions/0024).
TEST_P(ConditionContract, CountsWhatLiesFarBelowTheHeadAndWhatCameLast) {
  ASSERT_TRUE(append(request({event({.stream = "seat-1", .metadata = R"({"tags":["seat-1"]})"})})));
  std::vector<EventRef> many;
  for (int i = 0; i < 700; ++i) many.push_back(event({.stream = "order-1"}));
  ASSERT_TRUE(append(request(many)));
  for (EventRef& one : many) one = event({.stream = "order-1"});
  ASSERT_TRUE(append(request(many)));
  const auto code_for = [&](const std::string& tag) {
    auto decision = request({event({.stream = "decision-1"})});
    decision.condition = store::AppendCondition{{{{.tags = {tag}}}}, Position{0}};
    return code_of(append(std::move(decision)));
  };
  EXPECT_EQ(code_for("seat-1"), "store.condition_failed");
  EXPECT_EQ(code_for("seat-2"), "ok");
  ASSERT_TRUE(append(request({event({.stream = "seat-2", .metadata = R"({"tags":["seat-2"]})"})})));
  EXPECT_EQ(code_for("seat-2"), "store.condition_failed");
}

}  // namespace
}  // namespace penstock::tests
