// The program that appends is killed, Postgres crashes, and the services that append by SQL lose their sessions, all
// under load. What was acknowledged is in the log, once; what was rolled back is not; positions run without a gap,
// versions ascend in each stream, and the events of one transaction stand side by side.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <atomic>
#include <cstdlib>
#include <set>
#include <sstream>
#include <thread>

#include "core/random.h"
#include "store/postgres/postgres_store.h"
#include "store/postgres/session.h"
#include "tests/support/eventually.h"
#include "tests/support/other_program.h"
#include "tests/support/recording_log.h"
#include "tests/support/seeded_random.h"
#include "tests/support/servers.h"

namespace penstock::tests {
namespace {

using store::postgres::Session;

constexpr int kServices = 3;

// PENSTOCK_CRASH_CYCLES makes the run longer.
int cycles() {
  const char* wanted = std::getenv("PENSTOCK_CRASH_CYCLES");
  return wanted == nullptr ? 60 : std::atoi(wanted);
}

Deadline soon() { return Deadline::in(std::chrono::seconds(30)); }

// A service: transactions of two appends each, some rolled back, some whose session is ended meanwhile.
class Service {
 public:
  Service(std::string url, int number, std::uint64_t seed)
      : url_(std::move(url)),
        number_(number),
        random_(seed),
        thread_([this](const std::stop_token& stop) { run(stop); }) {}

  // After the end.
  void join() {
    thread_.request_stop();
    thread_.join();
  }
  const std::set<std::string>& acknowledged() const { return acknowledged_; }
  const std::set<std::string>& rolled_back() const { return rolled_back_; }
  // Of its sessions, by which they are found at the server and ended in the middle of what they do.
  std::string application() const { return "service-" + std::to_string(number_); }

 private:
  void run(const std::stop_token& stop) {
    std::unique_ptr<Session> session;
    while (!stop.stop_requested()) {
      if (!session || session->broken()) {
        store::postgres::SessionSettings settings;
        settings.url = Secret(url_);
        settings.application_name = application();
        auto opened = Session::open(settings, Deadline::in(std::chrono::seconds(2)));
        if (!opened) {
          std::this_thread::yield();
          continue;
        }
        session = std::move(*opened);
      }
      transact(*session);
    }
  }

  void transact(Session& session) {
    const std::string first = fresh(), second = fresh();
    const bool keep = random_.below(4) != 0;
    // In one order, so that services don't wait for each other in a ring.
    const std::uint64_t a = random_.below(6), b = a + random_.below(6 - a);
    const std::string work =
        "BEGIN; SELECT penstock." + append(a, first) + "; SELECT penstock." + append(b, second) + ";";
    if (!session.execute(work, soon())) {
      (void)session.rollback(soon());
      return;
    }
    const auto ended = session.execute(keep ? "COMMIT" : "ROLLBACK", soon());
    if (!keep) rolled_back_.insert({first, second});
    if (keep && ended) acknowledged_.insert({first, second});
  }

  // Without metadata the function takes its shorter way.
  std::string append(std::uint64_t stream, const std::string& id) {
    const std::string metadata = random_.below(2) == 0 ? "{}" : R"({"tenant":"a"})";
    return "append('shared-" + std::to_string(stream) +
           "', 'by_service', pg_catalog.jsonb_build_object('tx', pg_catalog.pg_current_xact_id()::text), id => '" + id +
           "', metadata => '" + metadata + "')";
  }
  std::string fresh() { return make_event_id(clock_, random_).to_string(); }

  const std::string url_;
  const int number_;
  SystemClock clock_;
  SeededRandom random_;
  std::set<std::string> acknowledged_, rolled_back_;  // the thread's, until it has ended
  std::jthread thread_;
};

class StoreCrashes : public testing::Test {
 protected:
  void SetUp() override {
    PENSTOCK_NEEDS(Server::kPostgres);
    if (!ServerControl::available()) GTEST_SKIP() << "PENSTOCK_TEST_SERVERS is not set: Postgres can't be crashed";
    database_ = std::make_unique<FreshDatabase>();
    ASSERT_TRUE(open()->migrate());
  }
  void TearDown() override {
    if (ServerControl::available()) ServerControl::start(Server::kPostgres);
  }

  std::unique_ptr<store::Store> open() {
    store::StoreSettings settings;
    settings.url = Secret(database_->url());
    return std::move(store::postgres::make_postgres_store(std::move(settings), "test", log_).value());
  }
  std::set<std::string> ids(const std::string& condition = "true") {
    std::istringstream words(
        database_->value("SELECT string_agg(id::text, ' ') FROM penstock.events WHERE " + condition));
    std::set<std::string> found;
    for (std::string id; words >> id;) found.insert(id);
    return found;
  }
  void expect_none(const std::string& what, const std::string& sql) { EXPECT_EQ(database_->value(sql), "0") << what; }

  std::unique_ptr<FreshDatabase> database_;
  RecordingLog log_;
};

TEST_F(StoreCrashes, LoseNothingAndKeepTheOrder) {
  SeededRandom random(seed_of_this_run());
  std::vector<std::unique_ptr<Service>> services;
  for (int i = 0; i < kServices; ++i) services.push_back(std::make_unique<Service>(database_->url(), i, random.next()));
  std::set<std::string> acknowledged;
  int died_at_a_point = 0, crashes = 0;
  for (int cycle = 0; cycle < cycles(); ++cycle) {
    const bool at_a_point = cycle % 3 != 2;
    const std::string point = cycle % 2 == 0 ? "store.append_before_commit" : "store.append_after_commit";
    OtherProgram program({PENSTOCK_APPENDING_PROGRAM, database_->url(), "cycle-" + std::to_string(cycle)},
                         at_a_point ? point + ":" + std::to_string(1 + random.below(15)) : "");
    program.wait_for_lines(1 + random.below(30));
    database_->execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'service-" +
                       std::to_string(cycle % kServices) + "' AND datname = current_database()");
    if (cycle % 10 == 5) {
      ServerControl::crash_and_restart_postgres();
      ++crashes;
    }
    if (!at_a_point) program.kill(SIGKILL);
    std::istringstream lines(program.all_output());
    for (std::string id; lines >> id;) acknowledged.insert(id);
    died_at_a_point += at_a_point && WIFSIGNALED(program.wait());
  }
  std::set<std::string> rolled_back;
  for (const auto& service : services) {
    service->join();
    acknowledged.insert(service->acknowledged().begin(), service->acknowledged().end());
    rolled_back.insert(service->rolled_back().begin(), service->rolled_back().end());
  }

  // One append sweeps what is left.
  const auto store = open();
  store::AppendRequest last;
  last.events = {make_event({.id = *EventId::parse("00000000-0000-0000-0000-000000000001"),
                             .stream = "last-1",
                             .category = "last",
                             .type = "placed"})};
  ASSERT_TRUE(store->events().append_and_wait(last, soon()));
  const std::set<std::string> stored = ids();
  std::vector<std::string> lost, ghosts;
  std::set_difference(acknowledged.begin(), acknowledged.end(), stored.begin(), stored.end(), std::back_inserter(lost));
  std::set_intersection(rolled_back.begin(), rolled_back.end(), stored.begin(), stored.end(),
                        std::back_inserter(ghosts));
  EXPECT_TRUE(lost.empty()) << lost.size() << " acknowledged events are not in the log, as " << lost.front();
  EXPECT_TRUE(ghosts.empty()) << ghosts.size() << " rolled back events are in the log, as " << ghosts.front();
  EXPECT_EQ(database_->value("SELECT count(*) = count(DISTINCT id) FROM penstock.events"), "t");
  EXPECT_EQ(database_->value("SELECT count(*) = max(position) AND max(position) = (SELECT position FROM penstock.head)"
                             " FROM penstock.events"),
            "t");
  expect_none("rows left in the inbox", "SELECT count(*) FROM penstock.inbox");
  expect_none("versions out of order",
              "SELECT count(*) FROM (SELECT version, row_number() OVER (PARTITION BY stream ORDER BY position) - 1 AS n"
              " FROM penstock.events) e WHERE version <> n");
  expect_none("torn transactions",
              "SELECT count(*) FROM (SELECT FROM penstock.events WHERE type = 'by_service' GROUP BY data"
              " HAVING max(position) - min(position) + 1 <> count(*)) torn");
  // The run did what it says.
  EXPECT_GE(died_at_a_point, cycles() / 3);
  EXPECT_EQ(crashes, (cycles() + 4) / 10);
  EXPECT_GT(ids("type = 'by_service'").size(), 100u);
  EXPECT_GT(ids("type = 'by_program'").size(), 100u);
}

}  // namespace
}  // namespace penstock::tests
