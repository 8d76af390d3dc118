// Fault 42: an event that the program ends of, each time that it has to do with it.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <map>

#include "cli/demo/relay_process.h"
#include "tests/support/eventually.h"
#include "tests/support/servers.h"
#include "tests/support/temporary_folder.h"

namespace penstock::tests {
namespace {

using namespace std::chrono_literals;

constexpr int kRows = 40, kPoisonous = 21;
constexpr const char* kPoisonousId = "00000000-0000-4000-8000-000000000021";
// Two ordinary openings, and three attempts; one more for what may be settled in between.
constexpr int kMostCrashes = 6;

struct Way {
  const char* name;
  enum class Source { kPolled, kFromLog } source;
  enum class Store { kPostgres, kSqlite } store;
};

class Poison : public ::testing::TestWithParam<Way> {
 protected:
  void SetUp() override {
    PENSTOCK_NEEDS(Server::kPostgres);
    database_ = std::make_unique<FreshDatabase>();
    database_->execute(
        "CREATE SCHEMA shop; CREATE TABLE shop.outbox (seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
        " id uuid NOT NULL, aggregatetype text NOT NULL, aggregateid text NOT NULL, type text NOT NULL, payload text)");
    std::string kind = "kind = \"outbox\"\n";
    if (GetParam().source == Way::Source::kFromLog) {
      database_->execute("CREATE PUBLICATION outbox FOR TABLE shop.outbox WITH (publish = 'insert')");
      slot_ = database_->value(
          "SELECT slot_name FROM pg_create_logical_replication_slot(replace(current_database(), '-', '_'), "
          "'pgoutput')");
      kind = fmt::format("kind = \"wal\"\npublication = \"outbox\"\nslot = \"{}\"\n", slot_);
    }
    const std::string store =
        GetParam().store == Way::Store::kPostgres ? database_->url() : "sqlite:" + folder_.file("store.db");
    std::ofstream(folder_.file("penstock.toml")) << fmt::format(
        "[store]\nurl = \"{}\"\n[[source]]\nname = \"orders\"\n{}url = \"{}\"\ntable = \"shop.outbox\"\n"
        "profile = \"debezium\"\norder_by = \"seq\"\n[[route]]\nname = \"in\"\nfrom = \"orders\"\n"
        "to = \"store\"\n",
        store, kind, database_->url());
    database_->execute(fmt::format(
        "INSERT INTO shop.outbox (id, aggregatetype, aggregateid, type, payload) SELECT"
        " format('00000000-0000-4000-8000-%s', lpad(n::text, 12, '0'))::uuid, 'order', 'k' || n % 4, 'counted', n::text"
        " FROM generate_series(1, {}) n",
        kRows));
  }

  void TearDown() override {
    relay_.reset();
    if (!slot_.empty())
      (void)eventually([&] {
        return database_->value(fmt::format("SELECT count(pg_drop_replication_slot(slot_name)) FROM"
                                            " pg_replication_slots WHERE slot_name = '{}' AND NOT active",
                                            slot_)) == "1";
      });
  }

  void start() {
    relay_ = std::make_unique<cli::RelayProcess>(
        cli::RelayCommand{PENSTOCK_FAILPOINTS_PROGRAM,
                          folder_.file("penstock.toml"),
                          folder_.file("relay.log"),
                          {{"PENSTOCK_FAILPOINT", std::string("relay.before_mapping@") + kPoisonousId}}});
    const Status started = relay_->start();
    ASSERT_TRUE(started) << started.error().describe();
  }

  // What a command prints.
  std::string output_of(const std::string& command) {
    const std::string line = fmt::format("{} {} -c {} 2>>{}", PENSTOCK_FAILPOINTS_PROGRAM, command,
                                         folder_.file("penstock.toml"), folder_.file("commands.log"));
    std::string output;
    FILE* pipe = popen(line.c_str(), "r");
    if (pipe == nullptr) return output;
    std::array<char, 4096> piece;
    while (const std::size_t size = fread(piece.data(), 1, piece.size(), pipe)) output.append(piece.data(), size);
    pclose(pipe);
    return output;
  }

  std::vector<std::string> events() {
    std::vector<std::string> lines;
    const std::string all = output_of("read @all -o jsonl");
    for (std::size_t at = 0; at < all.size();) {
      const std::size_t end = std::min(all.find('\n', at), all.size());
      lines.push_back(all.substr(at, end - at));
      at = end + 1;
    }
    return lines;
  }

  std::string log_text() const {
    std::ifstream file(folder_.file("relay.log"));
    return {std::istreambuf_iterator<char>(file), {}};
  }

  TemporaryFolder folder_;
  std::unique_ptr<FreshDatabase> database_;
  std::string slot_;
  std::unique_ptr<cli::RelayProcess> relay_;
};

// The number in the event's data; 0 where there is none.
int number_in(const std::string& line) {
  const std::size_t at = line.find("\"data\":");
  return at == std::string::npos ? 0 : std::atoi(line.c_str() + at + 7);
}

// Pitfall "poison row that crashes the relay".
TEST_P(Poison, Fault42IsParkedAtTheLimitAndTheRestGoesOn) {
  int crashes = 0;
  start();
  const bool all_arrived = eventually(
      [&] {
        if (!relay_->running()) {
          ++crashes;
          start();
        }
        return crashes > kMostCrashes || events().size() == kRows - 1;
      },
      Deadline::in(120s));
  ASSERT_TRUE(all_arrived) << log_text();
  EXPECT_GE(crashes, 3) << log_text();
  ASSERT_LE(crashes, kMostCrashes) << log_text();

  std::map<int, int> last;  // of each key
  for (const std::string& line : events()) {
    const int number = number_in(line);
    EXPECT_NE(number, kPoisonous);
    EXPECT_LT(last[number % 4], number) << "in key k" << number % 4;
    last[number % 4] = number;
  }
  const std::string parked = output_of("parked ls -o json");
  EXPECT_NE(parked.find("\"relay.crashed_on\""), std::string::npos) << parked;
  EXPECT_NE(parked.find(kPoisonousId), std::string::npos) << parked;

  const auto ended = relay_->terminate(Deadline::in(15s));
  ASSERT_TRUE(ended) << ended.error().describe();
  EXPECT_EQ(ended->number, 0) << log_text();
  if (GetParam().store == Way::Store::kPostgres) {
    EXPECT_EQ(database_->value("SELECT count(*) FROM penstock.attempts"), "0") << "a good end leaves nothing behind";
  }
}

INSTANTIATE_TEST_SUITE_P(Every, Poison,
                         ::testing::Values(Way{"PolledIntoPostgres", Way::Source::kPolled, Way::Store::kPostgres},
                                           Way{"PolledIntoSqlite", Way::Source::kPolled, Way::Store::kSqlite},
                                           Way{"FromTheLogIntoPostgres", Way::Source::kFromLog, Way::Store::kPostgres},
                                           Way{"FromTheLogIntoSqlite", Way::Source::kFromLog, Way::Store::kSqlite}),
                         [](const ::testing::TestParamInfo<Way>& way) { return way.param.name; });

}  // namespace
}  // namespace penstock::tests
