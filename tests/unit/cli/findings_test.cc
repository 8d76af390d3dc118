#include "cli/findings.h"

#include <gtest/gtest.h>

namespace penstock::cli {
namespace {

using config::Problem;
using connectors::Finding;

std::vector<FileFindings> some_findings() {
  return {{"a.toml",
           {{Problem::Severity::kWarning, "a.toml:3:1", "sink \"k\" is used by no route"}},
           {{Finding::Severity::kOk, "store sqlite:a", "schema 1 is up to date", ""},
            {Finding::Severity::kError, "sink kafka: topic x", "it does not exist", "kafka-topics --create x 100%"}}},
          {"b.toml", {{Problem::Severity::kError, "b.toml:1:2", "unknown table `stoer`"}}, {}}};
}

TEST(Findings, ReadAsText) {
  EXPECT_EQ(format_findings(some_findings(), FindingsFormat::kText, Palette()),
            "a.toml:3:1: warning: sink \"k\" is used by no route\n"
            "a.toml: the file is in order\n"
            "  ok       store sqlite:a: schema 1 is up to date\n"
            "  error    sink kafka: topic x: it does not exist\n"
            "           fix: kafka-topics --create x 100%\n"
            "b.toml:1:2: unknown table `stoer`\n");
}

TEST(Findings, AnnotateOnGithub) {
  EXPECT_EQ(format_findings(some_findings(), FindingsFormat::kGithub, Palette()),
            "::warning file=a.toml,line=3,col=1::sink \"k\" is used by no route\n"
            "::error file=a.toml::sink kafka: topic x: it does not exist%0Afix: kafka-topics --create x 100%25\n"
            "::error file=b.toml,line=1,col=2::unknown table `stoer`\n");
}

TEST(Findings, CountWhatDecidesTheExitCode) {
  const FindingCounts counts = count(some_findings());
  EXPECT_EQ(counts.file_errors, 1u);
  EXPECT_EQ(counts.live_errors, 1u);
  EXPECT_EQ(counts.warnings, 1u);
}

TEST(Findings, AreOneJsonObject) {
  const std::string json = format_findings(some_findings(), FindingsFormat::kJson, Palette());
  EXPECT_NE(json.find(R"({"severity":"error","place":"b.toml:1:2","file":"b.toml","line":1,"column":2,)"),
            std::string::npos)
      << json;
  EXPECT_TRUE(json.ends_with("\"errors\":2,\"warnings\":1}\n")) << json;
}

}  // namespace
}  // namespace penstock::cli
