// How the program answers calls as such: help, version, words that are none.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/cli/program.h"

namespace penstock::tests {
namespace {

using testing::HasSubstr;

TEST(Calls, HelpEndsWithTwoExamples) {
  const ProgramFolder folder;
  const std::vector<std::vector<std::string>> commands{{"run"},
                                                       {"validate"},
                                                       {"migrate"},
                                                       {"append"},
                                                       {"read"},
                                                       {"streams"},
                                                       {"streams", "ls"},
                                                       {"routes", "ls"},
                                                       {"routes", "show"},
                                                       {"status"},
                                                       {"parked", "show"},
                                                       {"config", "init"},
                                                       {"config", "show"},
                                                       {"version"},
                                                       {"streams", "show"},
                                                       {"sources", "switch"},
                                                       {"parked", "ls"}};
  for (auto command : commands) {
    command.push_back("--help");
    const Ended ended = folder.call(command);
    EXPECT_EQ(ended.exit_code, 0) << command.front();
    const auto examples = ended.out.find("\nExamples:\n  ");
    ASSERT_NE(examples, std::string::npos) << command.front();
    const std::string after = ended.out.substr(examples);
    EXPECT_EQ(std::ranges::count(after.substr(0, after.find_last_not_of('\n') + 1), '\n'), 3)
        << command.front() << after;
  }
}

TEST(Calls, UnknownWordsAreAnsweredWithTheNearest) {
  const Ended ended = ProgramFolder().call({"stats"});
  EXPECT_EQ(ended.exit_code, 64);
  EXPECT_THAT(ended.err, HasSubstr("there is no command stats"));
  EXPECT_THAT(ended.err, HasSubstr("did you mean `status`?"));
}

TEST(Calls, WrongFlagsEndWith64) {
  const ProgramFolder folder;
  EXPECT_EQ(folder.call({}).exit_code, 64);
  EXPECT_EQ(folder.call({"status", "--loud"}).exit_code, 64);
  EXPECT_EQ(folder.call({"status", "-o", "xml"}).exit_code, 64);
  EXPECT_EQ(folder.call({"read", "a", "--from", "-1"}).exit_code, 64);
  EXPECT_EQ(folder.call({"run", "--set", "log.level"}).exit_code, 64);
}

TEST(Calls, AMissingCommandOrNumberIsNamed) {
  const ProgramFolder folder;
  const Ended group = folder.call({"routes"});
  EXPECT_EQ(group.exit_code, 64);
  EXPECT_THAT(group.err, HasSubstr("`penstock routes` needs a command (expected one of ls, show)"));
  const std::string none = " is no number (expected a whole one, not negative)";
  EXPECT_THAT(folder.call({"read", "a", "--from", "x"}).err, HasSubstr("--from: \"x\"" + none));
  EXPECT_THAT(folder.call({"read", "a", "--from", "9223372036854775806"}).err,
              HasSubstr("\"9223372036854775806\" is too large (expected at most 999999999999999999)"));
  const Ended limit = folder.call({"read", "a", "--limit", "-3"});
  EXPECT_EQ(limit.exit_code, 64) << "and not all events";
  EXPECT_THAT(limit.err, HasSubstr("--limit: \"-3\" is no number (expected a whole one, at least 1)"));
}

TEST(Calls, VersionIsTold) {
  const ProgramFolder folder;
  EXPECT_THAT(folder.call({"version"}).out, testing::MatchesRegex("penstock [0-9]+\\.[0-9]+\\.[0-9]+\n"));
  EXPECT_THAT(folder.call({"--version"}).out, testing::MatchesRegex("penstock [0-9]+\\.[0-9]+\\.[0-9]+\n"));
  EXPECT_THAT(folder.call({"version", "-o", "json"}).out, HasSubstr("\"version\":\""));
}

TEST(Calls, ColoursOnlyWhereTheyAreDemanded) {
  ProgramFolder folder;
  folder.write("penstock.toml", "");
  ASSERT_EQ(folder.call({"migrate"}).exit_code, 0);
  EXPECT_THAT(folder.call({"streams", "ls"}).out, testing::Not(HasSubstr("\x1b[")));
  EXPECT_THAT(folder.call({"streams", "ls", "--color", "always"}).out, HasSubstr("\x1b["));
}

}  // namespace
}  // namespace penstock::tests
