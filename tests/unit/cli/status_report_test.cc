#include "cli/status_report.h"

#include <gtest/gtest.h>

#include <sstream>

namespace penstock::cli {
namespace {

std::string last_column(std::string details, std::string code = {},
                        store::RouteState::Reporting reporting = store::RouteState::Reporting::kNow) {
  RouteReport route{"orders-in", "orders", "store"};
  route.state.emplace();
  route.state->phase = "running";
  route.state->code = std::move(code);
  route.state->message = "why";
  route.state->details = std::move(details);
  route.state->reporting = reporting;
  std::ostringstream out;
  table_of_routes({route}).print(out, Palette());
  const std::string text = out.str();
  const std::string last_line = text.substr(text.find('\n') + 1);
  return last_line.substr(last_line.find_first_not_of(' ', last_line.find(" 0 ") + 2));
}

constexpr const char* kHeldBack =
    R"({"reads":7,"held_back_by_pid":4711,"held_back_by_age_s":12,"held_back_by":"psql \u001b[31m"})";

TEST(StatusReport, NamesTheTransactionThatHoldsASourceBack) {
  EXPECT_EQ(last_column(kHeldBack), "held back by pid 4711 (psql \\x1b[31m), open for 12 s\n");
  EXPECT_EQ(last_column(R"({"held_back_by_pid":0,"held_back_by_age_s":3,"held_back_by":"prepared gid"})"),
            "held back by a prepared transaction (prepared gid), open for 3 s\n");
}

TEST(StatusReport, SaysNothingWhereNothingHoldsASourceBack) {
  EXPECT_EQ(last_column(R"({"reads":7})"), "-\n");
  EXPECT_EQ(last_column("no JSON"), "-\n");
  EXPECT_EQ(last_column(kHeldBack, {}, store::RouteState::Reporting::kStale), "-\n");
}

TEST(StatusReport, PrefersAnErrorToATransactionThatIsWaitedFor) {
  EXPECT_EQ(last_column(kHeldBack, "sink.away"), "sink.away: why\n");
}

}  // namespace
}  // namespace penstock::cli
