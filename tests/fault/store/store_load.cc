#include "tests/fault/store/store_load.h"

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <sstream>

namespace penstock::tests {

using store::postgres::Session;

int crash_cycles() {
  const char* wanted = std::getenv("PENSTOCK_TEST_CRASH_CYCLES");
  return wanted == nullptr ? 60 : std::atoi(wanted);
}

SqlService::SqlService(std::string url, int number, std::uint64_t seed)
    : url_(std::move(url)),
      number_(number),
      random_(seed),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

void SqlService::join() {
  thread_.request_stop();
  thread_.join();
}

void SqlService::run(const std::stop_token& stop) {
  std::unique_ptr<Session> session;
  while (!stop.stop_requested()) {
    if (!session || session->broken()) {
      store::postgres::SessionSettings settings;
      settings.url = Secret(url_);
      settings.application_name = "service-" + std::to_string(number_);
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

void SqlService::transact(Session& session) {
  const std::string first = fresh(), second = fresh();
  const bool keep = random_.below(4) != 0;
  // In one order, so that services don't wait for each other in a ring.
  const std::uint64_t a = random_.below(6), b = a + random_.below(6 - a);
  const std::string work =
      "BEGIN; SELECT penstock." + append(a, first) + "; SELECT penstock." + append(b, second) + ";";
  if (!session.execute(work, Deadline::in(std::chrono::seconds(30)))) {
    (void)session.rollback(Deadline::in(std::chrono::seconds(30)));
    return;
  }
  const auto ended = session.execute(keep ? "COMMIT" : "ROLLBACK", Deadline::in(std::chrono::seconds(30)));
  if (!keep) rolled_back_.insert({first, second});
  if (keep && ended) acknowledged_.insert({first, second});
}

// Without metadata the function takes its shorter way.
std::string SqlService::append(std::uint64_t stream, const std::string& id) {
  const std::string metadata = random_.below(2) == 0 ? "{}" : R"({"tenant":"a"})";
  return "append('shared-" + std::to_string(stream) +
         "', 'by_service', pg_catalog.jsonb_build_object('tx', pg_catalog.pg_current_xact_id()::text), id => '" + id +
         "', metadata => '" + metadata + "')";
}

void StoreUnderLoad::SetUp() {
  PENSTOCK_NEEDS(Server::kPostgres);
  if (!ServerControl::available()) GTEST_SKIP() << "PENSTOCK_TEST_SERVERS is not set: Postgres can't be crashed";
  database_ = std::make_unique<FreshDatabase>();
  ASSERT_TRUE(open()->migrate());
}

void StoreUnderLoad::TearDown() {
  services_.clear();
  if (ServerControl::available()) ServerControl::start(Server::kPostgres);
}

std::unique_ptr<store::Store> StoreUnderLoad::open() {
  store::StoreSettings settings;
  settings.url = Secret(database_->url());
  return std::move(store::postgres::make_postgres_store(std::move(settings), "test", log_).value());
}

std::set<std::string> StoreUnderLoad::ids(const std::string& condition) {
  std::istringstream words(
      database_->value("SELECT string_agg(id::text, ' ') FROM penstock.events WHERE " + condition));
  std::set<std::string> found;
  for (std::string id; words >> id;) found.insert(id);
  return found;
}

void StoreUnderLoad::start_services() {
  for (int i = 0; i < kServices; ++i)
    services_.push_back(std::make_unique<SqlService>(database_->url(), i, random_.next()));
}

void StoreUnderLoad::note_acknowledged(OtherProgram& program) {
  std::istringstream lines(program.all_output());
  for (std::string id; lines >> id;) acknowledged_.insert(id);
}

void StoreUnderLoad::judge() {
  std::set<std::string> rolled_back;
  for (const auto& service : services_) {
    service->join();
    acknowledged_.insert(service->acknowledged().begin(), service->acknowledged().end());
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
  std::set_difference(acknowledged_.begin(), acknowledged_.end(), stored.begin(), stored.end(),
                      std::back_inserter(lost));
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
  EXPECT_GT(ids("type = 'by_service'").size(), 100u) << "the load was worth it";
  EXPECT_GT(ids("type = 'by_program'").size(), 100u);
}

}  // namespace penstock::tests
