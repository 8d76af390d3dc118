// penstock append and penstock read, on an SQLite store.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/integration/cli/program.h"

namespace penstock::tests {
namespace {

using nlohmann::json;
using testing::HasSubstr;

class AppendRead : public testing::Test {
 protected:
  AppendRead() { folder_.write("penstock.toml", "[store]\nurl = \"sqlite:events.db\"\n"); }

  Ended append(std::vector<std::string> arguments, std::string_view data = "{}") {
    arguments.insert(arguments.begin(), "append");
    return folder_.call(arguments, data);
  }

  // The events that `read` prints as JSON lines.
  std::vector<json> read(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "read");
    arguments.insert(arguments.end(), {"-o", "jsonl"});
    std::istringstream lines(folder_.call(arguments).out);
    std::vector<json> events;
    for (std::string line; std::getline(lines, line);) events.push_back(json::parse(line));
    return events;
  }

  std::vector<std::string> positions(std::vector<std::string> arguments) {
    std::vector<std::string> result;
    for (const json& event : read(std::move(arguments))) result.push_back(event.at("position"));
    return result;
  }

  void append_five() {
    for (const char* stream : {"a-1", "b-1", "a-1", "b-1", "a-1"}) append({stream, "--type", "t"});
  }

  ProgramFolder folder_;
};

constexpr const char* kId = "0198d2f0-0000-7000-8000-000000000001";

TEST_F(AppendRead, PrintsTheReceiptAsJson) {
  const Ended first = append({"order-7", "--type", "placed", "-o", "json"});
  EXPECT_EQ(first.exit_code, 0) << first.err;
  EXPECT_EQ(first.out,
            R"({"stream":"order-7","first_version":0,"last_version":0,"first_position":"1","last_position":"1"})"
            "\n");
}

TEST_F(AppendRead, KeepsEveryPartOfAnEvent) {
  append({"order-7", "--type", "placed", "--id", kId, "--content-type", "text/plain", "--metadata", R"({"tenant":"x"})",
          "--occurred-at", "2026-02-03T05:05:06.5+01:00"},
         "a\nb");
  const json event = read({"order-7"}).at(0);
  EXPECT_EQ(event.at("id"), kId);
  EXPECT_EQ(event.at("category"), "order");
  EXPECT_EQ(event.at("type"), "placed");
  EXPECT_EQ(event.at("version"), 0);
  EXPECT_EQ(event.at("occurred_at"), "2026-02-03T04:05:06.500000Z");
  EXPECT_EQ(event.at("metadata").at("tenant"), "x");
  EXPECT_EQ(event.at("data_base64"), "YQpi");
}

TEST_F(AppendRead, KeepsNoDataApartFromEmptyData) {
  append({"a-1", "--type", "t", "--no-data"});
  append({"a-1", "--type", "t", "--content-type", "text/plain"}, "");
  const auto events = read({"a-1"});
  EXPECT_TRUE(events.at(0).at("data").is_null());
  EXPECT_EQ(events.at(1).at("data_base64"), "");
}

TEST_F(AppendRead, AnswersTheSameIdAsTheFirstTime) {
  const Ended first = append({"a-1", "--type", "t", "--id", kId, "-o", "json"});
  append({"a-1", "--type", "t"});
  const Ended again = append({"a-1", "--type", "t", "--id", kId, "-o", "json"});
  EXPECT_EQ(again.exit_code, 0);
  EXPECT_EQ(again.out, first.out);
}

TEST_F(AppendRead, RefusesAnUnmetExpectationWithExpectedAndActual) {
  append({"a-1", "--type", "t"});
  const Ended refused = append({"a-1", "--type", "t", "--expected-version", "none", "-o", "json"});
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_THAT(refused.err, HasSubstr("store.wrong_expected_version"));
  EXPECT_THAT(refused.err, HasSubstr("expected none, actual 0"));
  const json answer = json::parse(refused.out);
  EXPECT_EQ(answer.at("code"), "store.wrong_expected_version");
  EXPECT_EQ(answer.at("expected"), "none");
  EXPECT_EQ(answer.at("actual"), 0);
}

TEST_F(AppendRead, RefusesAnIdThatIsTaken) {
  append({"a-1", "--type", "t", "--id", kId});
  append({"a-1", "--type", "t"});
  const Ended refused = append({"a-1", "--type", "t", "--id", kId, "--expected-version", "1"});
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_THAT(refused.err, HasSubstr("store.id_reused"));
}

TEST_F(AppendRead, TellsWrongCallsFromWrongInput) {
  EXPECT_EQ(append({"a-1", "--type", "t", "--expected-version", "newest"}).exit_code, 64);
  EXPECT_EQ(append({"a-1", "--type", "t", "--expected-version", "-1"}).exit_code, 64);
  EXPECT_EQ(append({"a-1", "--type", "t", "--id", "7"}).exit_code, 64);
  EXPECT_EQ(append({"a-1", "--type", "t", "--occurred-at", "yesterday"}).exit_code, 64);
  EXPECT_EQ(append({"a-1"}).exit_code, 64);
  EXPECT_EQ(append({"a-1", "--type", "t", "--metadata", "[]"}).exit_code, 65);
  EXPECT_EQ(append({"$system", "--type", "t"}).exit_code, 65);
  EXPECT_EQ(append({"a-1", "--type", "t"}, std::string((1 << 20) + 1, ' ')).exit_code, 65);
  EXPECT_TRUE(read({"@all"}).empty());
}

TEST_F(AppendRead, ReadsTheLogFromAPositionBothWays) {
  append_five();
  EXPECT_THAT(positions({"@all"}), testing::ElementsAre("1", "2", "3", "4", "5"));
  EXPECT_THAT(positions({"@all", "--from", "4"}), testing::ElementsAre("4", "5"));
  EXPECT_THAT(positions({"@all", "--from", "2", "--limit", "2"}), testing::ElementsAre("2", "3"));
  EXPECT_THAT(positions({"@all", "--backward", "--limit", "2"}), testing::ElementsAre("5", "4"));
  EXPECT_THAT(positions({"@all", "--backward", "--from", "2"}), testing::ElementsAre("2", "1"));
  EXPECT_THAT(positions({"@all", "--from", "9"}), testing::IsEmpty());
}

TEST_F(AppendRead, ReadsAStreamFromAVersionBothWays) {
  append_five();
  EXPECT_THAT(positions({"a-1"}), testing::ElementsAre("1", "3", "5"));
  EXPECT_THAT(positions({"a-1", "--from", "1"}), testing::ElementsAre("3", "5"));
  EXPECT_THAT(positions({"a-1", "--from", "1", "--backward"}), testing::ElementsAre("3", "1"));
  EXPECT_THAT(positions({"a-1", "--backward", "--limit", "1"}), testing::ElementsAre("5"));
}

TEST_F(AppendRead, ReadsMoreThanOnePage) {
  for (int i = 0; i < 3; ++i)
    append({"big-1", "--type", "t", "--content-type", "text/plain"}, std::string(900'000, 'x'));
  for (int i = 0; i < 3; ++i)
    append({"big-1", "--type", "t", "--content-type", "text/plain"}, std::string(900'000, 'x'));
  EXPECT_THAT(positions({"@all"}), testing::SizeIs(6));
  EXPECT_THAT(positions({"big-1", "--backward"}), testing::ElementsAre("6", "5", "4", "3", "2", "1"));
}

TEST_F(AppendRead, PrintsAJsonArrayOnDemand) {
  append_five();
  const json events = json::parse(folder_.call({"read", "@all", "-o", "json", "--limit", "2"}).out);
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events.at(1).at("stream"), "b-1");
  EXPECT_EQ(folder_.call({"read", "@all", "-o", "json", "--from", "9"}).out, "[]\n");
}

TEST_F(AppendRead, AnswersNoForAStreamThatIsNotThere) {
  append_five();
  const Ended ended = folder_.call({"read", "nobody", "-o", "json"});
  EXPECT_EQ(ended.exit_code, 1);
  EXPECT_EQ(ended.out, "[]\n");
  EXPECT_THAT(ended.err, HasSubstr("there is no stream nobody"));
}

TEST_F(AppendRead, SaysThatOutputCannotBeWritten) {
  append_five();
  EXPECT_EQ(folder_.call({"read", "@all"}, {}, "/dev/full").exit_code, 74);
}

// More than one page, so that the first is written while there is more to read.
TEST_F(AppendRead, EndsWithoutAFaultWhenNobodyReadsOn) {
  append_five();
  const auto store = folder_.open_store("events.db");
  for (int part = 0; part < 2; ++part) {
    store::AppendRequest request;
    for (int i = 0; i < 600; ++i)
      request.events.push_back(make_event({.id = EventId::from_name(kNamespaceUrl, std::to_string(600 * part + i)),
                                           .stream = "a-1",
                                           .category = "a",
                                           .type = "t",
                                           .data = std::string_view("{}")}));
    const auto written = store->events().append_and_wait(std::move(request), Deadline::in(std::chrono::seconds(20)));
    ASSERT_TRUE(written) << written.error().describe();
  }
  for (const char* format : {"table", "jsonl", "json"}) {
    RunningProgram reader(folder_, format, {"read", "@all", "-o", format}, RunningProgram::Output::kClosedPipe);
    EXPECT_EQ(reader.wait_for_end(), 0) << reader.err();
    EXPECT_EQ(reader.err(), "");
  }
}

TEST_F(AppendRead, TakesTheCategoryThatTheStreamHas) {
  EXPECT_EQ(append({"order-item-7", "--type", "placed", "--category", "order-item"}).exit_code, 0);
  EXPECT_EQ(append({"order-item-7", "--type", "paid"}).exit_code, 0);
  EXPECT_EQ(read({"order-item-7"}).back().at("category"), "order-item");
  const Ended other = append({"order-item-7", "--type", "paid", "--category", "order"});
  EXPECT_EQ(other.exit_code, 1);
  EXPECT_THAT(other.err, AllOf(HasSubstr("store.category_mismatch"), testing::Not(HasSubstr("actual"))));
}

TEST_F(AppendRead, ListsStreams) {
  append_five();
  EXPECT_EQ(folder_.call({"streams", "ls", "-o", "jsonl"}).out,
            "{\"stream\":\"a-1\",\"category\":\"a\",\"last_version\":2,\"state\":\"live\"}\n"
            "{\"stream\":\"b-1\",\"category\":\"b\",\"last_version\":1,\"state\":\"live\"}\n");
  EXPECT_EQ(json::parse(folder_.call({"streams", "ls", "--after", "a-1", "-o", "json"}).out).size(), 1u);
  EXPECT_EQ(json::parse(folder_.call({"streams", "show", "b-1", "-o", "json"}).out).at("last_position"), "4");
  EXPECT_EQ(folder_.call({"streams", "show", "c-1"}).exit_code, 1);
}

TEST_F(AppendRead, KeepsControlCharactersFromTheTerminal) {
  append({"a-\x1b[2J", "--type", "t"});
  EXPECT_THAT(folder_.call({"read", "@all"}).out, HasSubstr("a-\\x1b[2J"));
}

TEST_F(AppendRead, ReadsOnlyWhatTheFilterAdmits) {
  append({"order-1", "--type", "placed", "--metadata", R"({"tenant":"x"})"});
  append({"user-1", "--type", "placed"});
  append({"order-2", "--type", "paid"});
  EXPECT_EQ(positions({"@all", "--category", "order"}), (std::vector<std::string>{"1", "3"}));
  EXPECT_EQ(positions({"@all", "--category", "order", "--category", "user", "--type", "placed", "--backward"}),
            (std::vector<std::string>{"2", "1"}));
  EXPECT_EQ(positions({"@all", "--stream-prefix", "order-2"}), (std::vector<std::string>{"3"}));
  EXPECT_EQ(positions({"@all", "--metadata", "tenant=x"}), (std::vector<std::string>{"1"}));
}

TEST_F(AppendRead, ReadsFromATimeOn) {
  append_five();
  const std::string third = read({"@all"})[2].at("recorded_at");
  EXPECT_EQ(positions({"@all", "--since", third}), (std::vector<std::string>{"3", "4", "5"}));
  EXPECT_EQ(positions({"@all", "--since", third, "--backward"}), (std::vector<std::string>{"2", "1"}));
  EXPECT_TRUE(positions({"@all", "--since", "2999-01-01T00:00:00Z"}).empty());
  EXPECT_TRUE(positions({"@all", "--since", "1999-01-01T00:00:00Z", "--backward"}).empty());
}

TEST_F(AppendRead, RefusesWhatOnlyTheLogCanBeAskedFor) {
  for (const std::vector<std::string>& wrong :
       std::vector<std::vector<std::string>>{{"a-1", "--category", "a"},
                                             {"a-1", "--since", "2026-01-01T00:00:00Z"},
                                             {"@all", "--since", "yesterday"},
                                             {"@all", "--since", "2026-01-01T00:00:00Z", "--from", "3"},
                                             {"@all", "--metadata", "tenant"}}) {
    std::vector<std::string> arguments = {"read"};
    arguments.insert(arguments.end(), wrong.begin(), wrong.end());
    EXPECT_EQ(folder_.call(arguments).exit_code, 64) << wrong[1];
  }
}

TEST_F(AppendRead, ListsStreamsByPrefixAndTypesWithCounts) {
  append_five();
  EXPECT_EQ(folder_.call({"streams", "ls", "--prefix", "b", "-o", "jsonl"}).out,
            "{\"stream\":\"b-1\",\"category\":\"b\",\"last_version\":1,\"state\":\"live\"}\n");
  EXPECT_EQ(folder_.call({"types", "ls", "-o", "json"}).out,
            R"([{"category":"a","type":"t","events":3},{"category":"b","type":"t","events":2}])"
            "\n");
}

TEST_F(AppendRead, DeletesTruncatesAndLimitsStreams) {
  append_five();
  const Ended truncated = folder_.call({"streams", "truncate", "a-1", "--before", "1"});
  EXPECT_EQ(truncated.exit_code, 0);
  EXPECT_THAT(truncated.out, HasSubstr("read from version  1"));
  EXPECT_THAT(truncated.err, HasSubstr("penstock store scavenge"));
  EXPECT_EQ(positions({"a-1"}), (std::vector<std::string>{"3", "5"}));
  EXPECT_EQ(folder_.call({"streams", "set", "a-1", "--max-count", "1", "--max-age", "30d"}).exit_code, 0);
  EXPECT_EQ(positions({"a-1"}), (std::vector<std::string>{"5"}));
  EXPECT_EQ(folder_.call({"streams", "set", "a-1", "--max-age", "soon"}).exit_code, 64);
  const json shown = json::parse(folder_.call({"streams", "show", "a-1", "-o", "json"}).out);
  EXPECT_EQ(shown.at("state"), "live");
  EXPECT_EQ(shown.at("first_readable"), 2);
  EXPECT_EQ(shown.at("max_age_seconds"), 30 * 24 * 3600);
  const Ended wrong = folder_.call({"streams", "delete", "b-1", "--expected-version", "7"});
  EXPECT_EQ(wrong.exit_code, 1);
  EXPECT_THAT(wrong.err, HasSubstr("store.wrong_expected_version"));
  EXPECT_EQ(json::parse(folder_.call({"streams", "delete", "b-1", "--tombstone", "-o", "json"}).out).at("state"),
            "tombstoned");
  EXPECT_TRUE(positions({"b-1"}).empty());
  EXPECT_EQ(folder_.call({"read", "b-1"}).err, "stream b-1 is tombstoned: nothing of it is read\n");
  EXPECT_THAT(append({"b-1", "--type", "t"}).err, HasSubstr("store.stream_deleted"));
  EXPECT_EQ(positions({"@all"}).size(), 5u);
  EXPECT_EQ(folder_.call({"store", "scavenge", "-o", "json"}).out, "{\"events\":4,\"more\":false}\n");
  EXPECT_EQ(positions({"@all"}), (std::vector<std::string>{"5"}));
}

}  // namespace
}  // namespace penstock::tests
