#include "tests/contract/store/store_contract.h"

namespace penstock::tests {
namespace {

using store::AnyVersion;
using store::ExpectedVersion;
using store::NoStream;
using store::StreamExists;

const char* const kOk = "ok";
const char* const kWrong = "store.wrong_expected_version";

TEST_P(AppendContract, FollowsTheTruthTableForAStreamThatNeverExisted) {
  const std::vector<std::pair<ExpectedVersion, std::string>> rows = {
      {AnyVersion{}, kOk}, {NoStream{}, kOk}, {StreamExists{}, kWrong}, {Version{0}, kWrong}, {Version{2}, kWrong}};
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::string stream = "order-" + std::to_string(i);
    EXPECT_EQ(code_of(append(request({event({.stream = stream})}, rows[i].first))), rows[i].second)
        << to_string(rows[i].first);
  }
}

TEST_P(AppendContract, FollowsTheTruthTableForAStreamWithThreeEvents) {
  const std::vector<std::pair<ExpectedVersion, std::string>> rows = {
      {AnyVersion{}, kOk},  {NoStream{}, kWrong}, {StreamExists{}, kOk}, {Version{2}, kOk},
      {Version{1}, kWrong}, {Version{3}, kWrong}, {Version{0}, kWrong}};
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::string stream = "order-" + std::to_string(i);
    fill(stream, 3);
    EXPECT_EQ(code_of(append(request({event({.stream = stream})}, rows[i].first))), rows[i].second)
        << to_string(rows[i].first);
    EXPECT_EQ(read_whole_stream(stream).size(), rows[i].second == kOk ? 4u : 3u);
  }
}

TEST_P(AppendContract, SaysWhichVersionWasExpectedAndWhichIsThere) {
  fill("order-1", 3);
  const auto answer = append(request({event({.stream = "order-1"})}, Version{7}));
  ASSERT_FALSE(answer);
  EXPECT_NE(answer.error().message().find("expected 7, actual 2"), std::string::npos) << answer.error().message();
}

TEST_P(AppendContract, ReturnsVersionsAndPositions) {
  fill("order-1", 2);
  const auto answer = append(lettered("order-2", "abc", NoStream{}));
  ASSERT_TRUE(answer) << answer.error().describe();
  EXPECT_EQ(answer->first_version, Version{0});
  EXPECT_EQ(answer->last_version, Version{2});
  EXPECT_EQ(answer->first_position, Position{3});
  EXPECT_EQ(answer->last_position, Position{5});
  EXPECT_EQ(answer->origin, store::AppendReceipt::Origin::kWritten);
}

TEST_P(AppendContract, GivesBackEveryFieldOfAnEvent) {
  const Timestamp occurred(std::chrono::microseconds(1'700'000'000'123'456));
  const EventId id = fresh_id();
  ASSERT_TRUE(append(request({event({.id = id,
                                     .stream = "order-item-7",
                                     .category = "order-item",
                                     .type = "placed",
                                     .data = "{\"n\": 1}",
                                     .content_type = "application/cloudevents+json",
                                     .metadata = "{\"tenant\": \"t1\"}",
                                     .occurred_at = occurred})})));
  const auto read = read_log();
  ASSERT_EQ(read.size(), 1u);
  EXPECT_EQ(read[0]->id, id);
  EXPECT_EQ(read[0]->stream, "order-item-7");
  EXPECT_EQ(read[0]->category, "order-item");
  EXPECT_EQ(read[0]->key, "7");
  EXPECT_EQ(read[0]->type, "placed");
  EXPECT_EQ(read[0]->data, "{\"n\": 1}");
  EXPECT_EQ(read[0]->content_type, "application/cloudevents+json");
  EXPECT_EQ(read[0]->metadata, "{\"tenant\": \"t1\"}");
  EXPECT_EQ(read[0]->occurred_at, occurred);
  EXPECT_EQ(read[0]->version, Version{0});
  EXPECT_EQ(read[0]->position, Position{1});
  EXPECT_TRUE(read[0]->recorded_at);
}

TEST_P(AppendContract, GivesBinaryDataBackByteForByte) {
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes.push_back(static_cast<char>(i));
  bytes += bytes;
  ASSERT_TRUE(append(request({event({.stream = "blob-1", .data = bytes})})));
  EXPECT_EQ(read_log().at(0)->data, bytes);
}

TEST_P(AppendContract, KeepsNoDataApartFromEmptyData) {
  ASSERT_TRUE(append(request({event({.stream = "order-1"}), event({.stream = "order-1", .data = ""})})));
  const auto read = read_whole_stream("order-1");
  ASSERT_EQ(read.size(), 2u);
  EXPECT_FALSE(read[0]->data.has_value());
  EXPECT_EQ(read[1]->data, "");
}

TEST_P(AppendContract, KeepsTheTextOfMetadata) {
  const std::string text = "{ \"b\":1.0e2,\t\"a\": \"\\u00e9\", \"b\" : 12345678901234567890.5 }";
  ASSERT_TRUE(append(request({event({.stream = "order-1", .metadata = text})})));
  EXPECT_EQ(read_log().at(0)->metadata, text);
}

TEST_P(AppendContract, DatesAnEventByItsRecordingIfNobodyElseDid) {
  ASSERT_TRUE(append(request({event({.stream = "order-1"})})));
  const auto read = read_log();
  EXPECT_EQ(read.at(0)->occurred_at, read.at(0)->recorded_at);
}

TEST_P(AppendContract, KeepsTimesBefore1970) {
  const Timestamp early(std::chrono::microseconds(-1'000'001));
  ASSERT_TRUE(append(request({event({.stream = "order-1", .occurred_at = early})})));
  EXPECT_EQ(read_log().at(0)->occurred_at, early);
}

TEST_P(AppendContract, NeverRecordsATimeBelowAnEarlierOne) {
  fill("order-1", 20);
  Timestamp last{};
  for (const EventRef& read : read_log()) {
    EXPECT_GE(*read->recorded_at, last);
    last = *read->recorded_at;
  }
}

TEST_P(AppendContract, KeepsTheCategoryOfAStream) {
  ASSERT_TRUE(append(request({event({.stream = "order-1", .category = "order"})})));
  EXPECT_EQ(code_of(append(request({event({.stream = "order-1", .category = "other"})}))), "store.category_mismatch");
  EXPECT_EQ(read_whole_stream("order-1").size(), 1u);
}

TEST_P(AppendContract, TakesAThousandEventsInOneRequest) {
  std::vector<EventRef> events;
  for (int i = 0; i < 1'000; ++i) events.push_back(event({.stream = "order-1", .data = "{}"}));
  const auto answer = append(request(std::move(events)));
  ASSERT_TRUE(answer) << answer.error().describe();
  EXPECT_EQ(answer->last_version, Version{999});
  EXPECT_EQ(positions_of(read_log()), numbers(1, 1'000));
}

TEST_P(AppendContract, LeavesNoGapBehindAFailedRequest) {
  fill("order-1", 1);
  EXPECT_FALSE(append(request({event({.stream = "order-1"}), event({.stream = "order-1"})}, NoStream{})));
  fill("order-1", 1);
  EXPECT_EQ(positions_of(read_log()), numbers(1, 2));
}

TEST_P(AppendContract, RefusesWhatBreaksALimit) {
  store::StoreSettings settings;
  settings.limits = {.event_bytes = 100, .batch_events = 2, .batch_bytes = 4'096, .metadata_bytes = 64};
  reopen(settings);
  const std::string big(101, 'x'), metadata = "{\"m\":\"" + std::string(64, 'x') + "\"}";
  const auto refused = [&](store::AppendRequest sent) { return code_of(append(std::move(sent))); };
  EXPECT_EQ(refused(request({event({.stream = "order-1", .data = big})})), "store.limit_exceeded");
  EXPECT_EQ(refused(request({event({.stream = "order-1", .metadata = metadata})})), "store.limit_exceeded");
  EXPECT_EQ(refused(lettered("order-1", "abc")), "store.limit_exceeded");
  EXPECT_EQ(refused(request({event({.stream = "order-1", .data = big.substr(1)})})), kOk);
}

TEST_P(AppendContract, RefusesWhatIsNoRequest) {
  const auto refused = [&](store::AppendRequest sent) { return code_of(append(std::move(sent))); };
  EXPECT_EQ(refused(request({})), "store.invalid_request");
  EXPECT_EQ(refused(lettered("order-1", "aa")), "store.invalid_request");
  EXPECT_EQ(refused(request({event({.stream = "order-1"}), event({.stream = "order-1", .category = "other"})})),
            "store.invalid_request");
  EXPECT_EQ(refused(request({event({.stream = "order-1", .metadata = "[]"})})), "store.invalid_request");
  EXPECT_EQ(refused(request({event({.stream = "order-1", .metadata = "{"})})), "store.invalid_request");
  EXPECT_EQ(store().log().head(), Position{0});
}

// --- names -----------------------------------------------------------------------------------------

TEST_P(AppendTextContract, KeepsAnyUtf8Name) {
  const std::vector<std::string> names = {
      "order-1",      "Order-1",         "order 1/%2F?&#", "größe-\xE2\x82\xAC", "\xF0\x9F\x9A\x80-7",
      "a'b\"c\\d;--", "line\nbreak-\t1", "order-1 "};
  for (const std::string& name : names)
    ASSERT_TRUE(append(request({event({.stream = name, .type = name})}, NoStream{}))) << name;
  for (const std::string& name : names) {
    const auto read = read_whole_stream(name);
    ASSERT_EQ(read.size(), 1u) << name;
    EXPECT_EQ(read[0]->stream, name);
    EXPECT_EQ(read[0]->type, name);
  }
}

TEST_P(AppendTextContract, TellsNamesApartByCaseAndSpaces) {
  for (const char* stream : {"order-a", "Order-a", "order-A", "order-a ", " order-a"})
    EXPECT_EQ(code_of(append(request({event({.stream = stream})}, NoStream{}))), "ok") << stream;
  EXPECT_EQ(store().events().counts()->streams, 5u);
}

TEST_P(AppendTextContract, KeepsNamesThatAUrlWouldEncode) {
  const std::string name = "order-a/b?c=d&e#f%20+\\\"'{}";
  ASSERT_TRUE(append(request({event({.stream = name})})));
  ASSERT_EQ(read_whole_stream(name).size(), 1u);
  EXPECT_EQ(read_whole_stream(name).front()->stream, name);
}

TEST_P(AppendTextContract, TakesNamesOfTheGreatestLength) {
  const std::string stream = "c-" + std::string(1'022, 's'), type(255, 't'), category(255, 'c');
  ASSERT_TRUE(append(request({event({.stream = stream, .category = category, .type = type})})));
  const auto read = read_log();
  EXPECT_EQ(read.at(0)->stream, stream);
  EXPECT_EQ(read.at(0)->category, category);
  EXPECT_EQ(read.at(0)->type, type);
  EXPECT_EQ(code_of(append(request({event({.stream = stream + "s"})}))), "store.limit_exceeded");
  EXPECT_EQ(code_of(append(request({event({.stream = "order-1", .type = type + "t"})}))), "store.limit_exceeded");
}

TEST_P(AppendTextContract, RefusesTextThatNoDatabaseKeeps) {
  const auto nul = std::string_view("order\0-1", 8);
  EXPECT_EQ(code_of(append(request({event({.stream = nul})}))), "store.invalid_request");
  EXPECT_EQ(code_of(append(request({event({.stream = "order-\xFF"})}))), "store.invalid_request");
  EXPECT_EQ(code_of(append(request({event({.stream = "order-\xC0\x80"})}))), "store.invalid_request");
  EXPECT_EQ(code_of(append(request({event({.stream = "order-\xED\xA0\x80"})}))), "store.invalid_request");
  EXPECT_EQ(code_of(append(request({event({.stream = "order-1", .type = nul})}))), "store.invalid_request");
}

TEST_P(AppendTextContract, RefusesReservedNames) {
  for (const char* name : {"$all", "@all", "all", "count", "$", "@x-1"})
    EXPECT_EQ(code_of(append(request({event({.stream = name})}))), "store.reserved_name") << name;
  for (const char* name : {"All", "counts", "order-$", "all-1"})
    EXPECT_EQ(code_of(append(request({event({.stream = name})}))), kOk) << name;
}

}  // namespace
}  // namespace penstock::tests
