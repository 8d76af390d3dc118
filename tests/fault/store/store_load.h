// A store under load: services that append by SQL, and what must hold of the log whatever happened to them, to the
// programs that append, and to the server.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "core/random.h"
#include "store/postgres/postgres_store.h"
#include "store/postgres/session.h"
#include "tests/support/other_program.h"
#include "tests/support/recording_log.h"
#include "tests/support/seeded_random.h"
#include "tests/support/servers.h"

namespace penstock::tests {

// How often a program, a session or the server dies in a test; PENSTOCK_TEST_CRASH_CYCLES makes it more often.
int crash_cycles();

// A service: transactions of two appends each, some rolled back, some whose session is ended meanwhile.
class SqlService {
 public:
  SqlService(std::string url, int number, std::uint64_t seed);

  void join();
  // After the end.
  const std::set<std::string>& acknowledged() const { return acknowledged_; }
  const std::set<std::string>& rolled_back() const { return rolled_back_; }

 private:
  void run(const std::stop_token& stop);
  void transact(store::postgres::Session& session);
  std::string append(std::uint64_t stream, const std::string& id);
  std::string fresh() { return make_event_id(clock_, random_).to_string(); }

  const std::string url_;
  const int number_;
  SystemClock clock_;
  SeededRandom random_;
  std::set<std::string> acknowledged_, rolled_back_;  // the thread's, until it has ended
  std::jthread thread_;
};

class StoreUnderLoad : public testing::Test {
 protected:
  static constexpr int kServices = 3;

  void SetUp() override;
  void TearDown() override;

  // Its sessions are named service-0, service-1 …, by which they are found at the server.
  void start_services();
  // Counts the ids that the program has printed as acknowledged.
  void note_acknowledged(OtherProgram& program);
  // Ends the services, has everything swept, and compares: what was acknowledged is in the log, once; what was rolled
  // back is not; positions run without a gap, versions ascend in each stream, and the events of one transaction stand
  // side by side.
  void judge();

  static Deadline soon() { return Deadline::in(std::chrono::seconds(30)); }

  std::unique_ptr<FreshDatabase> database_;
  SeededRandom random_{seed_of_this_run()};

 private:
  std::unique_ptr<store::Store> open();
  std::set<std::string> ids(const std::string& condition = "true");
  void expect_none(const std::string& what, const std::string& sql) { EXPECT_EQ(database_->value(sql), "0") << what; }

  RecordingLog log_;
  std::vector<std::unique_ptr<SqlService>> services_;
  std::set<std::string> acknowledged_;
};

}  // namespace penstock::tests
