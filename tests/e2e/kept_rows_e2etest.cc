// A source that keeps its rows, in a program that is killed between what it delivers and what it remembers of it.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <sstream>

#include "cli/demo/relay_process.h"
#include "tests/support/eventually.h"
#include "tests/support/other_program.h"
#include "tests/support/servers.h"
#include "tests/support/temporary_folder.h"

namespace penstock::tests {
namespace {

using namespace std::chrono_literals;
using Ids = std::vector<std::string>;

constexpr const char* kTable = R"(
CREATE SCHEMA shop;
CREATE TABLE shop.outbox (
  seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id uuid NOT NULL UNIQUE DEFAULT gen_random_uuid(),
  aggregatetype text NOT NULL, aggregateid text NOT NULL, type text NOT NULL, payload jsonb);
CREATE TABLE shop.outbox_settled (id uuid PRIMARY KEY, settled_at timestamptz NOT NULL DEFAULT now()))";

class KeptRows : public ::testing::Test {
 protected:
  void SetUp() override {
    PENSTOCK_NEEDS(Server::kPostgres);
    database_ = std::make_unique<FreshDatabase>();
    database_->execute(kTable);
  }
  void configure(const std::string& policy) const {
    std::ofstream(folder_.file("penstock.toml")) << fmt::format(
        "[store]\nurl = \"sqlite:{}\"\n[[source]]\nname = \"orders\"\nkind = \"outbox\"\nurl = \"{}\"\n"
        "table = \"shop.outbox\"\nprofile = \"debezium\"\norder_by = \"seq\"\npolicy = \"{}\"\n"
        "[[sink]]\nname = \"out\"\nkind = \"console\"\n[[route]]\nfrom = \"orders\"\nto = \"out\"\n",
        folder_.file("store.db"), database_->url(), policy);
  }
  Ids insert(int rows) const {
    std::istringstream words(database_->value(
        fmt::format("WITH written AS (INSERT INTO shop.outbox (aggregatetype, aggregateid, type, payload)"
                    " SELECT 'order', 'a', 'placed', '{{}}' FROM generate_series(1, {}) RETURNING seq, id)"
                    " SELECT string_agg(id::text, ' ' ORDER BY seq) FROM written",
                    rows)));
    return {std::istream_iterator<std::string>(words), {}};
  }

  void start(const std::string& failpoint = {}) {
    relay_ = std::make_unique<cli::RelayProcess>(cli::RelayCommand{PENSTOCK_FAILPOINTS_PROGRAM,
                                                                   folder_.file("penstock.toml"),
                                                                   folder_.file("relay.log"),
                                                                   {{"PENSTOCK_FAILPOINT", failpoint}}});
    const Status started = relay_->start();
    ASSERT_TRUE(started) << started.error().describe();
  }
  // Waits until it dies of its crash point.
  void await_crash() {
    const auto ended = relay_->await_end(Deadline::in(20s));
    ASSERT_TRUE(ended) << log_text();
    EXPECT_EQ(ended->by, cli::ProcessEnd::By::kSignal);
    EXPECT_EQ(ended->number, SIGKILL);
  }
  // What the console has printed, by all relays so far.
  Ids arrived() const {
    Ids ids;
    std::istringstream lines(log_text());
    constexpr std::string_view kId = "\"id\":\"";
    for (std::string line; std::getline(lines, line);)
      if (const auto at = line.find(kId); line.starts_with("{") && at != std::string::npos)
        ids.push_back(line.substr(at + kId.size(), 36));
    return ids;
  }
  void await(const Ids& ids) const {
    ASSERT_TRUE(eventually([&] { return arrived() == ids; })) << log_text();
  }

  std::string penstock(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), PENSTOCK_FAILPOINTS_PROGRAM);
    arguments.insert(arguments.end(), {"-c", folder_.file("penstock.toml")});
    OtherProgram program(std::move(arguments));
    std::string printed = program.all_output();
    EXPECT_EQ(program.wait(), 0) << printed;
    return printed;
  }
  std::size_t gaps() const {
    const std::string listed = penstock({"gaps", "ls", "-o", "jsonl"});
    return static_cast<std::size_t>(std::count(listed.begin(), listed.end(), '\n'));
  }
  std::string log_text() const {
    std::ostringstream text;
    text << std::ifstream(folder_.file("relay.log")).rdbuf();
    return text.str();
  }

  TemporaryFolder folder_;
  std::unique_ptr<FreshDatabase> database_;
  std::unique_ptr<cli::RelayProcess> relay_;
};

TEST_F(KeptRows, Fault22ThatStartAgainAreOnRecordWhateverKillsTheProgramAndComeOnceItIsAcknowledged) {
  configure("cursor");
  Ids expected = insert(5);
  start();
  await(expected);
  ASSERT_TRUE(relay_->terminate(Deadline::in(20s)));
  database_->execute("TRUNCATE shop.outbox RESTART IDENTITY");
  const Ids later = insert(2);
  for (int start_again = 0; start_again < 2; ++start_again) {
    start();
    ASSERT_TRUE(eventually([&] { return gaps() == 1; })) << log_text();
    relay_->kill();
    EXPECT_EQ(arrived(), expected) << "nothing is delivered over an open gap";
  }
  penstock({"gaps", "ack", "1", "--by", "anna"});
  start("outbox.in_settle:1");
  await_crash();
  EXPECT_EQ(arrived(), expected) << "it died before the checkpoint passed the gap";
  start();
  expected.insert(expected.end(), later.begin(), later.end());
  await(expected);
  ASSERT_TRUE(relay_->terminate(Deadline::in(20s)));
  EXPECT_EQ(gaps(), 1U);
}

TEST_F(KeptRows, ThatWereDeliveredButNotRememberedComeAgainWithTheirIdsAndAreRememberedThen) {
  configure("track");
  const Ids rows = insert(3);
  Ids expected = rows;
  start("outbox.in_settle:1");
  await_crash();
  ASSERT_EQ(arrived(), expected);
  EXPECT_EQ(database_->value("SELECT count(*) FROM shop.outbox_settled"), "0");
  start();
  expected.insert(expected.end(), rows.begin(), rows.end());
  await(expected);
  ASSERT_TRUE(relay_->terminate(Deadline::in(20s)));
  EXPECT_EQ(database_->value("SELECT count(*) FROM shop.outbox_settled s JOIN shop.outbox USING (id)"), "3");
  start();
  const Ids later = insert(1);
  expected.push_back(later.front());
  await(expected);
}

}  // namespace
}  // namespace penstock::tests
