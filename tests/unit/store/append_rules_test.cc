#include "store/append_rules.h"

#include <gtest/gtest.h>

#include <map>

#include "tests/unit/store/lettered_ids.h"

namespace penstock::store {
namespace {

// "abc" = three events with these ids.
AppendRequest request(ExpectedVersion expected, std::string_view letters, std::string_view stream = "order-1",
                      KnownId known_id = KnownId::kIdsDecide) {
  AppendRequest made{expected, {}, known_id};
  for (const char letter : letters)
    made.events.push_back(make_event({.id = id_of(letter),
                                      .stream = stream,
                                      .category = "order",
                                      .type = "placed",
                                      .data = std::string_view(&letter, 1)}));
  return made;
}

// A stream order-1 with these events from version 0, at positions from 11.
AppendFacts facts_with(std::string_view letters) {
  AppendFacts facts{.head = Position{20}};
  if (letters.empty()) return facts;
  facts.streams["order-1"] = {"order", Version{static_cast<std::int64_t>(letters.size()) - 1}};
  for (std::size_t i = 0; i < letters.size(); ++i) {
    const auto number = static_cast<std::int64_t>(i);
    facts.events[{id_of(letters[i]), "order-1"}] = {Version{number}, Position{11 + number}, "placed",
                                                    std::string(1, letters[i])};
  }
  return facts;
}

AppendPlan plan(std::initializer_list<const AppendRequest*> requests, const AppendFacts& facts) {
  return plan_appends({requests.begin(), requests.size()}, facts);
}

// "ok", "known <first version>" or the code.
std::string outcome(const Result<AppendReceipt>& answer) {
  if (!answer) return std::string(answer.error().code().name);
  if (answer->origin == AppendReceipt::Origin::kKnown) return "known " + std::to_string(answer->first_version.value);
  return "ok " + std::to_string(answer->first_version.value);
}

struct Row {
  const char* stored;
  ExpectedVersion expected;
  const char* sent;
  const char* outcome;
};

std::string describe(const Row& row) {
  return std::string("stored ") + row.stored + ", expected " + to_string(row.expected) + ", sent " + row.sent;
}

void check(std::initializer_list<Row> rows) {
  for (const Row& row : rows) {
    const AppendRequest sent = request(row.expected, row.sent);
    const AppendFacts facts = facts_with(row.stored);
    EXPECT_EQ(outcome(plan({&sent}, facts).answers.at(0)), row.outcome) << describe(row);
  }
}

const char* const kWrong = "store.wrong_expected_version";
const char* const kReused = "store.id_reused";
const char* const kPartly = "store.partly_known";

TEST(AppendRules, FollowTheTruthTableOfExpectedVersions) {
  check({{"", AnyVersion{}, "x", "ok 0"},
         {"", NoStream{}, "x", "ok 0"},
         {"", StreamExists{}, "x", kWrong},
         {"", Version{0}, "x", kWrong},
         {"", Version{2}, "x", kWrong},
         {"abc", AnyVersion{}, "x", "ok 3"},
         {"abc", NoStream{}, "x", kWrong},
         {"abc", StreamExists{}, "x", "ok 3"},
         {"abc", Version{2}, "x", "ok 3"},
         {"abc", Version{1}, "x", kWrong},
         {"abc", Version{3}, "x", kWrong}});
}

TEST(AppendRules, AnswerARetryAsTheFirstAttempt) {
  check({{"abc", NoStream{}, "abc", "known 0"},
         {"abc", NoStream{}, "ab", "known 0"},
         {"abc", Version{0}, "bc", "known 1"},
         {"abc", Version{0}, "b", "known 1"},
         {"abcdef", Version{0}, "bc", "known 1"},
         {"abc", AnyVersion{}, "abc", "known 0"},
         {"abc", AnyVersion{}, "c", "known 2"},
         {"abc", StreamExists{}, "bc", "known 1"}});
}

TEST(AppendRules, RefuseKnownIdsAtAnotherPlace) {
  check({{"a", Version{0}, "a", kReused},
         {"abc", Version{2}, "b", kReused},
         {"abc", Version{1}, "b", kWrong},
         {"abc", NoStream{}, "b", kWrong},
         {"abc", AnyVersion{}, "ba", kReused},
         {"abc", AnyVersion{}, "ac", kReused}});
}

TEST(AppendRules, RefuseARequestOfWhichAPartIsKnown) {
  check({{"ab", NoStream{}, "abx", kPartly},
         {"ab", AnyVersion{}, "bx", kPartly},
         {"ab", AnyVersion{}, "xa", kPartly},
         {"ab", Version{0}, "bx", kPartly}});
}

TEST(AppendRules, AcceptTheSameIdInAnotherStream) {
  const AppendRequest other = request(NoStream{}, "a", "order-2");
  EXPECT_EQ(outcome(plan({&other}, facts_with("a")).answers.at(0)), "ok 0");
}

TEST(AppendRules, GiveConsecutivePositionsAfterTheHead) {
  const AppendRequest first = request(AnyVersion{}, "xy"), second = request(NoStream{}, "z", "order-2");
  const AppendPlan made = plan({&first, &second}, facts_with("abc"));
  ASSERT_EQ(made.events.size(), 3u);
  EXPECT_EQ(made.events[0].position, Position{21});
  EXPECT_EQ(made.events[1].version, Version{4});
  EXPECT_EQ(made.events[2].position, Position{23});
  EXPECT_EQ(made.head, Position{23});
  EXPECT_EQ(made.answers[1]->first_position, Position{23});
}

TEST(AppendRules, GiveTheOriginalPositionsToARetry) {
  const AppendRequest again = request(AnyVersion{}, "bc");
  const AppendPlan made = plan({&again}, facts_with("abc"));
  EXPECT_TRUE(made.events.empty());
  EXPECT_TRUE(made.streams.empty());
  EXPECT_EQ(made.head, Position{20});
  EXPECT_EQ(made.answers[0]->first_position, Position{12});
  EXPECT_EQ(made.answers[0]->last_position, Position{13});
}

TEST(AppendRules, SeeWhatEarlierRequestsOfTheBatchWrite) {
  const AppendRequest first = request(NoStream{}, "xy"), loser = request(NoStream{}, "q"),
                      next = request(Version{1}, "z"), again = request(NoStream{}, "xy");
  const AppendPlan made = plan({&first, &loser, &next, &again}, facts_with(""));
  EXPECT_EQ(outcome(made.answers[0]), "ok 0");
  EXPECT_EQ(outcome(made.answers[1]), kWrong);
  EXPECT_EQ(outcome(made.answers[2]), "ok 2");
  EXPECT_EQ(outcome(made.answers[3]), "known 0");
  ASSERT_EQ(made.streams.size(), 1u);
  EXPECT_EQ(made.streams[0].last_version, Version{2});
  EXPECT_EQ(made.streams[0].was, PlannedStream::Was::kNew);
}

TEST(AppendRules, LeaveNothingOfAFailedRequestBehind) {
  const AppendRequest bad = request(Version{9}, "x"), good = request(AnyVersion{}, "x");
  const AppendPlan made = plan({&bad, &good}, facts_with("abc"));
  EXPECT_EQ(outcome(made.answers[0]), kWrong);
  EXPECT_EQ(outcome(made.answers[1]), "ok 3");
  EXPECT_EQ(made.events.size(), 1u);
}

TEST(AppendRules, KeepTheCategoryOfTheFirstEvent) {
  AppendRequest other{AnyVersion{},
                      {make_event({.id = id_of('x'), .stream = "order-1", .category = "o", .type = "t"})}};
  EXPECT_EQ(outcome(plan({&other}, facts_with("a")).answers.at(0)), "store.category_mismatch");
  const AppendRequest creator = request(AnyVersion{}, "a");
  EXPECT_EQ(outcome(plan({&creator, &other}, facts_with("")).answers.at(1)), "store.category_mismatch");
}

TEST(AppendRules, CompareBytesOnlyWhereTheyMustMatch) {
  AppendFacts facts = facts_with("a");
  facts.events.begin()->second.data = "changed";
  const AppendRequest api = request(AnyVersion{}, "a");
  const AppendRequest ingest = request(AnyVersion{}, "a", "order-1", KnownId::kBytesMustMatch);
  EXPECT_EQ(outcome(plan({&api}, facts).answers.at(0)), "known 0");
  EXPECT_EQ(outcome(plan({&ingest}, facts).answers.at(0)), kReused);
  facts.events.begin()->second.data.reset();
  EXPECT_EQ(outcome(plan({&ingest}, facts).answers.at(0)), kReused);
  facts.events.begin()->second.data = "a";
  EXPECT_EQ(outcome(plan({&ingest}, facts).answers.at(0)), "known 0");
}

TEST(AppendRules, CompareBytesWithinABatchToo) {
  const AppendRequest first = request(AnyVersion{}, "a", "order-1", KnownId::kBytesMustMatch);
  const AppendRequest same = request(AnyVersion{}, "a", "order-1", KnownId::kBytesMustMatch);
  AppendRequest other = same;
  other.events = {
      make_event({.id = id_of('a'), .stream = "order-1", .category = "order", .type = "paid", .data = "a"})};
  const AppendPlan made = plan({&first, &same, &other}, facts_with(""));
  EXPECT_EQ(outcome(made.answers[1]), "known 0");
  EXPECT_EQ(outcome(made.answers[2]), kReused);
}

TEST(AppendRules, NameExpectedAndActualVersion) {
  const AppendRequest wrong = request(Version{7}, "x");
  EXPECT_EQ(plan({&wrong}, facts_with("abc")).answers[0].error().message(), "stream \"order-1\": expected 7, actual 2");
  EXPECT_EQ(plan({&wrong}, facts_with("")).answers[0].error().message(), "stream \"order-1\": expected 7, actual none");
}

TEST(AppendRules, HoldsBackBehindAFailedRequestOfTheSameStream) {
  AppendRequest bad = request(AnyVersion{}, "a", "order-1", KnownId::kBytesMustMatch);
  AppendRequest behind = request(AnyVersion{}, "x", "order-1");
  AppendRequest other = request(AnyVersion{}, "y", "order-2");
  AppendRequest unconcerned = request(AnyVersion{}, "z", "order-1");
  for (AppendRequest* held : {&bad, &behind, &other}) held->after_failure = AfterFailure::kHoldBack;
  AppendFacts facts = facts_with("a");
  facts.events[{id_of('a'), "order-1"}].data = "another";

  const std::vector<const AppendRequest*> requests{&bad, &behind, &other, &unconcerned};
  const AppendPlan plan = plan_appends(requests, facts);

  EXPECT_EQ(plan.answers[0].error().code().name, "store.id_reused");
  EXPECT_EQ(plan.answers[1].error().code().name, "store.held_back");
  EXPECT_TRUE(plan.answers[2]);
  EXPECT_TRUE(plan.answers[3]);
}

}  // namespace
}  // namespace penstock::store
