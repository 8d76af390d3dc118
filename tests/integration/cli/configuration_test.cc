// Which configuration is used, and what validate, config and the shell's environment make of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/integration/cli/program.h"

namespace penstock::tests {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kWrong = "[log]\nlevel = \"loud\"\n[[route]]\nfrom = \"ordres\"\nto = \"store\"\n";
constexpr std::string_view kWrongSaid =
    "wrong.toml:2:9: `level`: unknown word \"loud\" (expected one of trace, debug, info, warn, error)\n"
    "wrong.toml:4:8: `from`: there is no source \"ordres\" (expected store)\n";

TEST(ConfigurationFile, IsLookedForInOrder) {
  ProgramFolder folder;
  EXPECT_EQ(folder.call({"status"}).exit_code, 78);
  folder.write("penstock.toml", "[store]\nurl = \"sqlite:here.db\"\n");
  folder.write("named.toml", "[store]\nurl = \"sqlite:named.db\"\n");
  folder.write("flag.toml", "[store]\nurl = \"sqlite:flag.db\"\n");
  EXPECT_THAT(folder.call({"config", "show"}).out, HasSubstr("here.db"));
  folder.environment["PENSTOCK_CONFIG"] = "named.toml";
  EXPECT_THAT(folder.call({"config", "show"}).out, HasSubstr("named.db"));
  EXPECT_THAT(folder.call({"config", "show", "-c", "flag.toml"}).out, HasSubstr("flag.db"));
}

TEST(ConfigurationFile, EndsEveryCommandWith78WhenItIsWrong) {
  ProgramFolder folder;
  folder.write("wrong.toml", kWrong);
  const std::vector<std::vector<std::string>> calls{
      {"run"},          {"status"},        {"status", "--quiet"}, {"read", "@all"}, {"append", "a", "--type", "t"},
      {"routes", "ls"}, {"streams", "ls"}, {"parked", "ls"},      {"migrate"},      {"config", "show"}};
  for (auto call : calls) {
    const std::string name = call.front();
    call.insert(call.end(), {"-c", "wrong.toml"});
    const Ended ended = folder.call(call);
    EXPECT_EQ(ended.exit_code, 78) << name;
    EXPECT_EQ(ended.err, kWrongSaid) << name;
    EXPECT_EQ(ended.out, "") << name;
  }
}

TEST(ConfigurationFile, IsNamedWhenItIsMissing) {
  ProgramFolder folder;
  const Ended ended = folder.call({"run", "-c", "none.toml"});
  EXPECT_EQ(ended.exit_code, 78);
  EXPECT_THAT(ended.err, HasSubstr("none.toml: can't be read: No such file or directory"));
}

TEST(Validate, PrintsAllThatIsWrongOnStandardOutput) {
  ProgramFolder folder;
  folder.write("wrong.toml", kWrong);
  const Ended ended = folder.call({"validate", "--offline", "wrong.toml"});
  EXPECT_EQ(ended.exit_code, 78);
  EXPECT_EQ(ended.out, kWrongSaid);
}

TEST(Validate, ChecksSeveralFiles) {
  ProgramFolder folder;
  folder.write("wrong.toml", kWrong);
  folder.write("right.toml", "[[sink]]\nname = \"c\"\nkind = \"console\"\n[[route]]\nfrom = \"store\"\nto = \"c\"\n");
  EXPECT_EQ(folder.call({"validate", "--offline", "right.toml"}).exit_code, 0);
  const Ended ended = folder.call({"validate", "--offline", "right.toml", "wrong.toml", "--format", "json"});
  EXPECT_EQ(ended.exit_code, 78);
  const json report = json::parse(ended.out);
  EXPECT_EQ(report.at("errors"), 2);
  EXPECT_EQ(report.at("files").at(0).at("findings").size(), 0u);
  EXPECT_EQ(report.at("files").at(1).at("findings").at(0).at("line"), 2);
}

TEST(Validate, AnnotatesOnGithub) {
  ProgramFolder folder;
  folder.write("wrong.toml", kWrong);
  EXPECT_THAT(folder.call({"validate", "--offline", "wrong.toml", "--format", "github"}).out,
              testing::StartsWith("::error file=wrong.toml,line=2,col=9::`level`: unknown word"));
}

TEST(Validate, CountsWarningsOnDemand) {
  ProgramFolder folder;
  folder.write("penstock.toml", "[[sink]]\nname = \"c\"\nkind = \"console\"\n");
  EXPECT_EQ(folder.call({"validate", "--offline"}).exit_code, 0);
  EXPECT_EQ(folder.call({"validate", "--offline", "--deny-warnings"}).exit_code, 1);
}

TEST(Validate, ChecksAFileAwayFromItsSecrets) {
  ProgramFolder folder;
  folder.write("penstock.toml", "[store]\nurl = { file = \"/run/secrets/nowhere\" }\n");
  EXPECT_EQ(folder.call({"validate", "--offline"}).exit_code, 0);
  EXPECT_EQ(folder.call({"validate"}).exit_code, 78);
}

TEST(Validate, TriesTheStore) {
  ProgramFolder folder;
  folder.write("penstock.toml", "[store]\nurl = \"postgresql://nobody@127.0.0.1:1/none\"\n");
  const Ended ended = folder.call({"validate"});
  EXPECT_EQ(ended.exit_code, 1);
  EXPECT_THAT(ended.out, HasSubstr("store.unavailable"));
  EXPECT_THAT(ended.out, HasSubstr("fix: "));
}

TEST(ConfigShow, MasksSecretsAndNamesOrigins) {
  ProgramFolder folder;
  folder.write("penstock.toml", "[store]\nurl = \"postgresql://u:canary@h/db\"\n");
  folder.environment["PENSTOCK_LOG__LEVEL"] = "debug";
  const std::string shown = folder.call({"config", "show", "--effective"}).out;
  EXPECT_THAT(shown, HasSubstr("url = \"postgresql://u:***@h/db\"  # penstock.toml:2:7\n"));
  EXPECT_THAT(shown, HasSubstr("level = \"debug\"  # environment variable PENSTOCK_LOG__LEVEL\n"));
  EXPECT_THAT(shown, HasSubstr("grace_ms = 10000  # default\n"));
  EXPECT_THAT(shown, Not(HasSubstr("canary")));
}

TEST(ConfigShow, PrintsAFileThatMeansTheSame) {
  ProgramFolder folder;
  folder.write("penstock.toml", folder.call({"config", "init", "--sink", "kafka", "--sink", "rabbitmq"}).out);
  const Ended shown = folder.call({"config", "show", "--effective"});
  ASSERT_EQ(shown.exit_code, 0) << shown.err;
  folder.write("again.toml", shown.out);
  const Ended again = folder.call({"validate", "--offline", "--deny-warnings", "again.toml"});
  EXPECT_EQ(again.exit_code, 0) << again.out;
}

TEST(ConfigInit, WritesASampleThatIsRight) {
  ProgramFolder folder;
  for (const char* source : {"outbox", "wal"}) {
    for (const char* sink : {"kafka", "rabbitmq", "console"}) {
      const Ended sample = folder.call({"config", "init", "--source", source, "--sink", sink});
      ASSERT_EQ(sample.exit_code, 0) << sample.err;
      folder.write("sample.toml", sample.out);
      const Ended checked = folder.call({"validate", "--offline", "--deny-warnings", "sample.toml"});
      EXPECT_EQ(checked.exit_code, 0) << source << ", " << sink << ": " << checked.out;
    }
  }
}

TEST(ConfigInit, NamesTheKindsThereAre) {
  const Ended ended = ProgramFolder().call({"config", "init", "--sink", "kafak"});
  EXPECT_EQ(ended.exit_code, 64);
  EXPECT_THAT(ended.err, HasSubstr("did you mean `kafka`?"));
}

TEST(Environment, OverridesTheStore) {
  ProgramFolder folder;
  folder.write("penstock.toml", "");
  folder.environment["DATABASE_URL"] = "sqlite:from-alias.db";
  EXPECT_THAT(folder.call({"config", "show"}).out, HasSubstr("from-alias.db"));
  folder.environment["PENSTOCK_STORE__URL"] = "sqlite:from-variable.db";
  EXPECT_THAT(folder.call({"config", "show"}).out, HasSubstr("from-variable.db"));
}

TEST(Environment, IsSaidToAnotherStoreThanTheFileNames) {
  ProgramFolder folder;
  folder.write("penstock.toml", "[store]\nurl = \"sqlite:of-the-file.db\"\n");
  folder.environment["DATABASE_URL"] = "sqlite:from-alias.db";
  const std::string note = "note: the store is that of DATABASE_URL, not that of penstock.toml:2:7";
  EXPECT_THAT(folder.call({"append", "a-1", "--type", "t", "--no-data"}).err, HasSubstr(note));
  EXPECT_THAT(folder.call({"status"}).err, HasSubstr(note));
  folder.environment["DATABASE_URL"] = "sqlite:of-the-file.db";
  EXPECT_EQ(folder.call({"append", "a-1", "--type", "t", "--no-data"}).err, "");
  folder.environment["DATABASE_URL"] = "sqlite:from-alias.db";
  folder.write("penstock.toml", "");
  EXPECT_EQ(folder.call({"status"}).err, "") << "the file names none";
}

}  // namespace
}  // namespace penstock::tests
