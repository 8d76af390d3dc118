// The table of metrics and what is made of it. That docs/reference/metrics.md is up to date is tested with the other
// pages.
#include "api/metrics_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>
#include <set>

#include "api/metric_table.h"
#include "core/error.h"

namespace penstock::api {
namespace {

TEST(MetricTable, NamesAreUniqueAndAfterPrometheusManner) {
  std::set<std::string_view> seen;
  for (const MetricRow& row : metric_rows()) {
    EXPECT_TRUE(seen.insert(row.name).second) << row.name << " stands twice";
    const std::string_view prefix = row.group == MetricGroup::kProcess ? "process_" : "penstock_";
    EXPECT_TRUE(row.name.starts_with(prefix)) << row.name;
    EXPECT_TRUE(std::regex_match(std::string(row.name), std::regex("[a-z][a-z_]*[a-z]"))) << row.name;
    EXPECT_EQ(row.name.ends_with("_total"), row.type == MetricType::kCounter) << row.name;
    EXPECT_TRUE(row.meaning.ends_with('.')) << row.name;
  }
}

TEST(MetricTable, SplitsLabels) {
  MetricRow row{};
  EXPECT_THAT(label_names(row), testing::IsEmpty());
  row.labels = "route";
  EXPECT_THAT(label_names(row), testing::ElementsAre("route"));
  row.labels = "source,pid,age";
  EXPECT_THAT(label_names(row), testing::ElementsAre("source", "pid", "age"));
}

TEST(MetricsPage, HasEveryMetricOnce) {
  const std::string page = metrics_page();
  for (const MetricRow& row : metric_rows()) {
    const std::string begin = "| `" + std::string(row.name) + "` |";
    ASSERT_NE(page.find(begin), std::string::npos) << row.name;
    EXPECT_EQ(page.find(begin, page.find(begin) + 1), std::string::npos) << row.name;
  }
}

TEST(MetricsPage, AlertsOnMetricsThatThereAre) {
  std::set<std::string> known{"up"};
  for (const MetricRow& row : metric_rows()) known.emplace(row.name);
  for (const MetricAlert& alert : metric_alerts()) {
    const std::string text(alert.expression);
    const std::regex names("(penstock_[a-z_]+|\\bup\\b)");
    const std::sregex_iterator first(text.begin(), text.end(), names), end;
    EXPECT_NE(first, end) << text;
    for (auto name = first; name != end; ++name) EXPECT_TRUE(known.contains(name->str())) << text;
  }
}

TEST(MetricsPage, AlertsOnCodesThatThereAre) {
  const std::regex codes("[a-z]+\\.[a-z_]+");
  std::size_t found = 0;
  for (const MetricAlert& alert : metric_alerts()) {
    const std::string text(alert.expression);
    for (std::sregex_iterator code(text.begin(), text.end(), codes), end; code != end; ++code, ++found)
      EXPECT_NE(find_error_code(code->str()), nullptr) << code->str();
  }
  EXPECT_GT(found, 0U);
}

}  // namespace
}  // namespace penstock::api
