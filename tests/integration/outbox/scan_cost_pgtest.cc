// What a poll costs the server: no more for a table that was emptied a million times.
#include <regex>

#include "connectors/outbox/outbox_errors.h"
#include "connectors/outbox/postgres_parameters.h"
#include "connectors/outbox/postgres_statements.h"
#include "connectors/outbox/tracked_table.h"
#include "tests/integration/outbox/outbox_fixture.h"
#include "tests/support/manual_clock.h"

namespace penstock::tests {
namespace {

using namespace std::chrono_literals;
using outbox::LowMark;
using outbox::Reach;
using outbox::ScanPlan;
using store::postgres::Parameters;
using store::postgres::Session;

class ScanCost : public OutboxTest {
 protected:
  // Buffers that the source's own statement touches for this plan, under the source's own settings.
  std::int64_t buffers_of(const ScanPlan& plan) {
    store::postgres::SessionSettings settings;
    settings.url = Secret(outbox().url());
    settings.parameters = outbox::scan_session_parameters();
    auto session = Session::open(settings, Deadline::in(10s)).value();
    const auto table = outbox::load_postgres_columns(*session, outbox().settings(), Deadline::in(10s), {}).value();
    const auto columns = outbox::columns_to_read(table, outbox().settings());
    outbox::RowShape shape{"seq", {}};
    for (const auto& column : columns) shape.columns.push_back({column.name, column.type});
    const auto roles = outbox::find_role_columns(outbox().settings(), shape).value();

    const Parameters parameters = outbox::scan_parameters(plan, {500, 2'048}, {});
    const auto explained = session->run(
        {"", "EXPLAIN (ANALYZE, BUFFERS) " + outbox::scan_statement(outbox().settings(), table, columns, roles)},
        parameters, Deadline::in(60s));
    EXPECT_TRUE(explained) << explained.error().describe();
    return explained ? buffers_in(*explained) : -1;
  }

  std::int64_t buffers_of_find(Reach reach, const std::string& mark) {
    store::postgres::SessionSettings settings;
    settings.url = Secret(outbox().url());
    settings.parameters = outbox::scan_session_parameters();
    settings.statement_timeout = 60s;
    auto session = Session::open(settings, Deadline::in(10s)).value();
    const auto table = outbox::load_postgres_columns(*session, outbox().settings(), Deadline::in(10s), {}).value();
    Parameters parameters;
    parameters.texts(std::vector<std::string>()).int8(std::int64_t{1'000});
    if (reach == Reach::kOpenRanges) parameters.text(mark);
    const auto explained =
        session->run({"", "EXPLAIN (ANALYZE, BUFFERS) " + outbox::find_statement(outbox().settings(), table, reach)},
                     parameters, Deadline::in(60s));
    EXPECT_TRUE(explained) << explained.error().describe();
    return explained ? buffers_in(*explained) : -1;
  }

  // The first line of buffers is the sum of all nodes; planning has a line of its own at the end.
  static std::int64_t buffers_in(const store::postgres::Rows& plan) {
    static const std::regex kCount("(hit|read)=([0-9]+)");
    for (std::size_t row = 0; row < plan.size(); ++row) {
      const std::string line(plan.bytes(row, 0));
      if (line.find("Buffers:") == std::string::npos) continue;
      std::int64_t sum = 0;
      for (std::sregex_iterator found(line.begin(), line.end(), kCount), end; found != end; ++found)
        sum += std::stoll((*found)[2]);
      return sum;
    }
    return 0;
  }

  // Of the table and its indexes, by all sessions that have ended.
  std::int64_t buffers_counted() {
    return std::stoll(
        outbox().value("SELECT heap_blks_hit + heap_blks_read + idx_blks_hit + idx_blks_read"
                       " FROM pg_statio_user_tables WHERE relname = 'outbox'"));
  }

  // Reads, settles and empties the table until the mark has moved behind everything.
  ScanPlan plan_behind_a_million_dead_rows() {
    outbox().insert_many(1'000'000, 1);
    old_snapshot_ = writer();
    old_snapshot_->run("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM shop.outbox");
    outbox().execute("DELETE FROM shop.outbox");
    outbox().insert_many(20, 300);
    LowMark low_mark(outbox::MarkMoves::kBehindLockHolders);
    low_mark.scanned(low_mark.plan(Reach::kWholeTable, {}, {}), numbers(1'000'001, 1'000'020),
                     outbox::ScanEnd::kExhausted, std::nullopt);
    low_mark.saw_holders({});
    low_mark.scanned(low_mark.plan(Reach::kOpenRanges, {}, {}), {}, outbox::ScanEnd::kExhausted, std::nullopt);
    return low_mark.plan(Reach::kOpenRanges, {}, {});
  }

  static std::vector<std::int64_t> numbers(std::int64_t first, std::int64_t last) {
    std::vector<std::int64_t> all;
    for (std::int64_t number = first; number <= last; ++number) all.push_back(number);
    return all;
  }

  std::unique_ptr<Writer> old_snapshot_;
};

// Pitfall "bloat".
TEST_F(ScanCost, IsSmallBehindAMillionDeadRowsThatAnOldSnapshotKeeps) {
  const ScanPlan plan = plan_behind_a_million_dead_rows();
  outbox().insert_many(50, 300);
  EXPECT_LE(buffers_of(plan), 200);
  const ScanPlan bottom{Reach::kWholeTable, {{outbox::kLowestNumber, outbox::kHighestNumber}}, {}, {}};
  EXPECT_GT(buffers_of(bottom), 2'000) << "the dead rows are not there, so this test shows nothing";
}

// Policy "track", whose settled rows stay in the table: a find starts at the mark.
TEST_F(ScanCost, OfAFindIsSmallBehindTrackedRows) {
  outbox().settings().policy = outbox::TrackRows{};
  outbox().execute("CREATE UNIQUE INDEX ON shop.outbox (id)");
  outbox().execute(outbox::create_settled_table_statement(outbox().settings(), "uuid"));
  outbox().insert_many(100'000, 1);
  outbox().execute("INSERT INTO shop.outbox_settled (id) SELECT id FROM shop.outbox");
  outbox().insert_many(50, 300);
  EXPECT_LE(buffers_of_find(Reach::kOpenRanges, "100000"), 500);
  EXPECT_GT(buffers_of_find(Reach::kWholeTable, {}), 100'000) << "nothing is in the way, so this test shows nothing";
}

TEST_F(ScanCost, IsSmallWithManyHoles) {
  outbox().insert_many(10'000, 300);
  outbox().execute("DELETE FROM shop.outbox WHERE seq % 2 = 0");
  LowMark low_mark(outbox::MarkMoves::kBehindLockHolders);
  std::vector<std::int64_t> odd;
  for (std::int64_t number = 1; number <= 10'000; number += 2) odd.push_back(number);
  low_mark.scanned(low_mark.plan(Reach::kWholeTable, {}, {}), odd, outbox::ScanEnd::kExhausted, std::nullopt);
  const ScanPlan plan = low_mark.plan(Reach::kOpenRanges, odd, {});
  EXPECT_LE(plan.ranges.size(), 32U);
  const auto before = std::chrono::steady_clock::now();
  buffers_of(plan);
  EXPECT_LT(std::chrono::steady_clock::now() - before, 2s);
}

TEST_F(ScanCost, IsThatOfTheWholeTableAtMostEveryTwoSeconds) {
  ManualClock clock;
  const auto source = outbox::make_outbox_source(outbox().settings(), outbox().make_table(), outbox().checkpoints(),
                                                 outbox().gaps(), outbox().surroundings_at(clock));
  ASSERT_TRUE(source->open({}, Deadline::in(10s), {}));
  for (int i = 0; i < 20; ++i) {
    outbox().insert("a", i);
    read(*source);
    clock.advance(190ms);
  }
  EXPECT_EQ(source->figures().full_scans, 2U) << "in 3.8 seconds";
}

// The source's own polls, as the server counts them: the opening may pass the dead rows, no poll may.
TEST_F(ScanCost, OfARunningSourceStaysSmallBehindDeadRows) {
  outbox().insert_many(100'000, 1);
  old_snapshot_ = writer();
  old_snapshot_->run("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM shop.outbox");
  outbox().execute("DELETE FROM shop.outbox");
  const ScanPlan bottom{Reach::kWholeTable, {{outbox::kLowestNumber, outbox::kHighestNumber}}, {}, {}};
  const std::int64_t through_the_dead = buffers_of(bottom);
  const std::int64_t before = buffers_counted();
  constexpr int kPolls = 50;
  {
    ManualClock clock;
    const auto source = outbox::make_outbox_source(outbox().settings(), outbox().make_table(), outbox().checkpoints(),
                                                   outbox().gaps(), outbox().surroundings_at(clock));
    ASSERT_TRUE(source->open({}, Deadline::in(10s), {}));
    for (int poll = 0; poll < kPolls; ++poll) {
      read(*source);
      clock.advance(30ms);
    }
    EXPECT_EQ(source->figures().reads, static_cast<std::uint64_t>(kPolls));
  }
  const auto deadline = Deadline::in(10s);  // until the server has counted a session that ended
  while (buffers_counted() == before && !deadline.expired()) continue;
  EXPECT_GT(buffers_counted(), before);
  EXPECT_LE(buffers_counted() - before, 5 * through_the_dead + kPolls * 200);
}

}  // namespace
}  // namespace penstock::tests
