// Pages that are generated from code and must not drift from it. PENSTOCK_TEST_WRITE_PAGES=1 writes them.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "api/metrics_page.h"
#include "cli/catalogue.h"
#include "config/reference_page.h"
#include "core/error.h"

namespace penstock::tests {
namespace {

void expect_page(const std::string& name, const std::string& text) {
  const std::filesystem::path path = std::filesystem::path(PENSTOCK_SOURCE_FOLDER) / "docs" / "reference" / name;
  if (std::getenv("PENSTOCK_TEST_WRITE_PAGES") != nullptr) {
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  std::ifstream file(path);
  std::stringstream content;
  content << file.rdbuf();
  EXPECT_EQ(content.str(), text) << path << " is out of date: run this test with PENSTOCK_TEST_WRITE_PAGES=1";
}

std::string page_of_error_codes() {
  std::string page =
      "# Error codes\n\n"
      "Generated from `core/error_codes.def`; a test keeps it so. A code is a stable name: logs, `penstock status`,\n"
      "parked rows and exit messages carry it. The kind says what a caller may do about it:\n\n"
      "| kind | meaning |\n|---|---|\n"
      "| unavailable | the other side is away; the same call may work later |\n"
      "| timeout | no answer in time, and known to have had no effect |\n"
      "| throttled | the other side asks to slow down |\n"
      "| conflict | the state is not the expected one; repeating the call can't help |\n"
      "| fenced | the right to do this went to another instance |\n"
      "| in_doubt | it may or may not have taken effect; only reading back can tell |\n"
      "| rejected | this very content is refused, now and later |\n"
      "| unauthorized | credentials or rights are missing |\n"
      "| invalid | the input is wrong |\n"
      "| internal | a defect, or a broken store |\n";
  std::string area;
#define PENSTOCK_CODE(identifier, code_name, code_kind, code_hint)                                                  \
  {                                                                                                                 \
    const std::string name = code_name;                                                                             \
    if (const std::string its = name.substr(0, name.find('.')); its != area) {                                      \
      area = its;                                                                                                   \
      page += "\n## " + area + "\n\n| code | kind | what to do |\n|---|---|---|\n";                                 \
    }                                                                                                               \
    page += "| `" + name + "` | " + std::string(to_string(ErrorKind::code_kind)) + " | " + std::string(code_hint) + \
            " |\n";                                                                                                 \
  }
#include "core/error_codes.def"
#undef PENSTOCK_CODE
  return page;
}

TEST(ReferencePages, TellTheKeysThatTheParserReads) {
  expect_page("config.md", config::reference_page(cli::declarations()));
}

TEST(ReferencePages, TellTheMetricsThatAScrapeShows) { expect_page("metrics.md", api::metrics_page()); }

TEST(ReferencePages, TellTheCodesOfTheTable) { expect_page("errors.md", page_of_error_codes()); }

TEST(ErrorCodes, HaveANameOfTheirAreaAndAHint) {
  std::map<std::string_view, int> seen;
#define PENSTOCK_CODE(identifier, code_name, code_kind, code_hint)                       \
  EXPECT_NE(std::string_view(code_name).find('.'), std::string_view::npos) << code_name; \
  EXPECT_TRUE(std::string_view(code_hint).ends_with('.')) << code_name;                  \
  EXPECT_EQ(++seen[code_name], 1) << code_name << " stands twice";
#include "core/error_codes.def"
#undef PENSTOCK_CODE
}

}  // namespace
}  // namespace penstock::tests
