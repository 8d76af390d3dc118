// A fresh database and stores on it, as different programs would open them.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "store/postgres/postgres_store.h"
#include "store/postgres/session.h"
#include "tests/support/recording_log.h"
#include "tests/support/servers.h"

namespace penstock::store::postgres {

class StoreFixture : public testing::Test {
 protected:
  void SetUp() override;

  std::unique_ptr<Store> open(StoreSettings settings = {}, const std::string& instance = "test");
  std::unique_ptr<Store> open_migrated();
  // A session of somebody else.
  std::unique_ptr<Session> session();
  void execute(const std::string& sql) { database_->execute(sql); }
  std::string value(const std::string& sql) { return database_->value(sql); }
  std::string url() const { return database_->url(); }

  static Deadline soon() { return Deadline::in(std::chrono::seconds(30)); }
  static EventRef event(std::string_view stream, std::string_view metadata = "{}");
  static AppendRequest request(std::string_view stream, std::size_t events = 1);
  // Names of the codes, "ok" for those that were written.
  static std::vector<std::string> append_all(Store& store, std::vector<AppendRequest> requests);
  // Until `sql` answers `expected`; fails the test if it never does.
  void wait_for(const std::string& sql, const std::string& expected);

  // Positions run 1..n and the versions of each stream 0..m, in the order of the positions.
  void expect_sound_log();

  template <typename T>
  static std::string code_of(const Result<T>& result) {
    return result ? "ok" : std::string(result.error().code().name);
  }

  tests::RecordingLog log_;

 private:
  std::unique_ptr<tests::FreshDatabase> database_;
};

}  // namespace penstock::store::postgres
