// One append for several streams, and streams that are only looked at.
#include <atomic>
#include <thread>

#include "tests/contract/store/store_contract.h"

namespace penstock::tests {
namespace {

using store::AnyVersion;
using store::AppendRequest;
using store::NoStream;
using store::StreamExists;

// "Aa Bb Ac": the event with id `a` for stream A, and so on.
AppendRequest spread(std::string_view events, store::ExpectedVersion expected = AnyVersion{},
                     std::vector<store::StreamCheck> checks = {}) {
  AppendRequest made{.expected = expected};
  for (std::size_t at = 0; at + 1 < events.size(); at += 3) {
    const std::string stream = "order-" + std::string(1, events[at]);
    made.events.push_back(event({.id = id_of(events[at + 1]), .stream = stream}));
  }
  made.checks = std::move(checks);
  return made;
}

std::string text_of(const std::vector<EventRef>& log) {
  std::string text;
  for (const EventRef& read : log)
    text += std::string(text.empty() ? "" : " ") + read->stream.back() + std::to_string(read->version->value);
  return text;
}

TEST_P(MultiStreamContract, KeepsTheOrderOfInterleavedEvents) {
  fill("order-B", 2);
  const auto answer = append(spread("Aa Bb Ac Cd Be", NoStream{}, {{"order-B", Version{1}}}));
  ASSERT_TRUE(answer) << answer.error().describe();
  EXPECT_EQ(text_of(read_log(Position{2})), "A0 B2 A1 C0 B3");
  EXPECT_EQ(answer->first_version, Version{0});
  EXPECT_EQ(answer->last_version, Version{1});
  EXPECT_EQ(answer->first_position, Position{3});
  EXPECT_EQ(answer->last_position, Position{7});
  ASSERT_EQ(answer->further_streams.size(), 2u);
  EXPECT_EQ(answer->further_streams[0].stream, "order-B");
  EXPECT_EQ(answer->further_streams[0].first_version, Version{2});
  EXPECT_EQ(answer->further_streams[0].last_version, Version{3});
  EXPECT_EQ(answer->further_streams[1].stream, "order-C");
  EXPECT_EQ(store().events().counts()->streams, 3u);
}

TEST_P(MultiStreamContract, WritesNothingWhenOneCheckFails) {
  fill("order-B", 1);
  EXPECT_EQ(code_of(append(spread("Aa Bb", NoStream{}, {{"order-B", NoStream{}}}))), "store.wrong_expected_version");
  EXPECT_EQ(code_of(append(spread("Aa Bb", Version{3}))), "store.wrong_expected_version");
  EXPECT_EQ(text_of(read_log()), "B0");
  EXPECT_EQ(store().events().counts()->streams, 1u);
}

TEST_P(MultiStreamContract, RevivesADeletedStreamAndStopsAtATombstonedOne) {
  fill("order-A", 1);
  fill("order-B", 1);
  ASSERT_TRUE(store().retention().remove("order-A", store::Removal::kDelete, AnyVersion{}));
  const auto revived = append(spread("Aa Cb"));
  ASSERT_TRUE(revived) << revived.error().describe();
  EXPECT_EQ(text_of(read_log(Position{2})), "A1 C0");
  ASSERT_TRUE(store().retention().remove("order-B", store::Removal::kTombstone, AnyVersion{}));
  EXPECT_EQ(code_of(append(spread("Ac Bd Ce"))), "store.stream_deleted");
  EXPECT_EQ(text_of(read_log(Position{2})), "A1 C0");
}

TEST_P(MultiStreamContract, NamesEveryCheckThatFails) {
  fill("order-A", 2);
  fill("order-C", 1);
  const auto answer = append(
      spread("Aa Bb", NoStream{}, {{"order-B", StreamExists{}}, {"order-C", Version{4}}, {"order-D", NoStream{}}}));
  ASSERT_EQ(code_of(answer), "store.wrong_expected_version");
  const std::string& message = answer.error().message();
  for (const char* part : {"\"order-A\": expected none, actual 1", "\"order-B\": expected exists, actual none",
                           "\"order-C\": expected 4, actual 0"})
    EXPECT_NE(message.find(part), std::string::npos) << message;
  EXPECT_EQ(message.find("order-D"), std::string::npos) << message;
}

TEST_P(MultiStreamContract, ChecksStreamsThatItDoesNotWriteTo) {
  fill("order-B", 2);
  EXPECT_EQ(code_of(append(spread("Aa", NoStream{}, {{"order-B", Version{1}}, {"order-C", NoStream{}}}))), "ok");
  EXPECT_EQ(code_of(append(spread("Ab", AnyVersion{}, {{"order-B", Version{0}}}))), "store.wrong_expected_version");
  EXPECT_EQ(code_of(append(spread("Ab", AnyVersion{}, {{"order-C", StreamExists{}}}))), "store.wrong_expected_version");
  EXPECT_EQ(text_of(read_log()), "B0 B1 A0");
  EXPECT_EQ(store().events().counts()->streams, 2u);
}

TEST_P(MultiStreamContract, RefusesChecksThatMeanNothing) {
  EXPECT_EQ(code_of(append(spread("Aa", AnyVersion{}, {{"order-B", NoStream{}}, {"order-B", NoStream{}}}))),
            "store.invalid_request");
  EXPECT_EQ(code_of(append(spread("Aa", AnyVersion{}, {{"order-A", NoStream{}}}))), "store.invalid_request");
  EXPECT_EQ(code_of(append(spread("Aa", AnyVersion{}, {{"order-B", AnyVersion{}}}))), "store.invalid_request");
  EXPECT_EQ(code_of(append(spread("Aa", AnyVersion{}, {{"", NoStream{}}}))), "store.invalid_request");
  EXPECT_EQ(code_of(append(spread("Aa", AnyVersion{}, {{"$all", NoStream{}}}))), "store.reserved_name");
  EXPECT_EQ(read_log().size(), 0u);
}

TEST_P(MultiStreamContract, RefusesWholeRequestsOfWhichAPartIsUnfit) {
  AppendRequest reserved = spread("Aa");
  reserved.events.push_back(event({.stream = "$x"}));
  EXPECT_EQ(code_of(append(reserved)), "store.reserved_name");
  AppendRequest twice = spread("Aa Ba");
  EXPECT_EQ(code_of(append(twice)), "store.invalid_request");
  AppendRequest category = spread("Aa Bb");
  category.events.push_back(event({.stream = "order-A", .category = "another"}));
  EXPECT_EQ(code_of(append(category)), "store.invalid_request");
  fill("order-B", 1);
  AppendRequest mismatch = spread("Aa");
  mismatch.events.push_back(event({.stream = "order-B", .category = "another"}));
  EXPECT_EQ(code_of(append(mismatch)), "store.category_mismatch");
  AppendRequest many;
  for (std::size_t i = 0; i <= store::kRequestStreams; ++i)
    many.events.push_back(event({.stream = "many-" + std::to_string(i)}));
  EXPECT_EQ(code_of(append(many)), "store.limit_exceeded");
  many.events.pop_back();
  EXPECT_EQ(code_of(append(many)), "ok");
}

TEST_P(MultiStreamContract, AnswersARetryAsTheFirstTime) {
  const AppendRequest sent = spread("Aa Bb Ac", NoStream{}, {{"order-B", NoStream{}}, {"order-C", NoStream{}}});
  const auto first = append(sent);
  ASSERT_TRUE(first) << first.error().describe();
  fill("order-A", 1);
  fill("order-C", 1);  // the check would fail now: a known id wins
  const auto again = append(sent);
  ASSERT_TRUE(again) << again.error().describe();
  EXPECT_EQ(again->origin, store::AppendReceipt::Origin::kKnown);
  EXPECT_EQ(again->first_version, first->first_version);
  EXPECT_EQ(again->last_version, first->last_version);
  EXPECT_EQ(again->first_position, first->first_position);
  EXPECT_EQ(again->last_position, first->last_position);
  ASSERT_EQ(again->further_streams.size(), 1u);
  EXPECT_EQ(again->further_streams[0].last_version, Version{0});
  EXPECT_EQ(read_log().size(), 5u);
}

TEST_P(MultiStreamContract, RefusesARequestOfWhichAStreamIsKnownOnly) {
  ASSERT_TRUE(append(spread("Aa")));
  EXPECT_EQ(code_of(append(spread("Aa Bb"))), "store.partly_known");
  EXPECT_EQ(code_of(append(spread("Bb Aa"))), "store.partly_known");
  EXPECT_EQ(text_of(read_log()), "A0");
}

// Two accounts, each transfer written to both: whoever interleaves, both streams tell the same.
TEST_P(MultiStreamContract, KeepsConcurrentRequestsApart) {
  const auto other = open_another();
  std::atomic<int> written = 0;
  {
    std::vector<std::jthread> writers;
    for (int writer = 0; writer < 4; ++writer)
      writers.emplace_back([&, writer] {
        store::EventStore& events = writer % 2 == 0 ? store().events() : other->events();
        for (int round = 0; round < 15; ++round) {
          AppendRequest transfer;
          transfer.events = {event({.stream = writer < 2 ? "account-1" : "account-2"}),
                             event({.stream = writer < 2 ? "account-2" : "account-1"})};
          const auto answer = events.append_and_wait(transfer, soon());
          ASSERT_TRUE(answer) << answer.error().describe();
          EXPECT_EQ(answer->first_version, answer->further_streams.at(0).first_version);
          EXPECT_EQ(answer->last_position.value, answer->first_position.value + 1);
          ++written;
        }
      });
  }
  EXPECT_EQ(written, 60);
  EXPECT_EQ(versions_of(read_whole_stream("account-1")), numbers(0, 59));
  EXPECT_EQ(versions_of(read_whole_stream("account-2")), numbers(0, 59));
  EXPECT_EQ(positions_of(read_log()), numbers(1, 120));
}

}  // namespace
}  // namespace penstock::tests
