// A full disk under the table of events refuses appends and nothing else.
#include <sys/stat.h>
#include <unistd.h>

#include "tests/integration/postgres/store_fixture.h"
#include "tests/support/seeded_random.h"
#include "tests/support/tiny_disk.h"

namespace penstock::store::postgres {
namespace {

constexpr std::size_t kSmall = 2 << 20, kLarge = 32 << 20;
constexpr std::size_t kEventBytes = 100'000;

// The table of events on a disk of its own.
class PostgresOnAFullDisk : public StoreFixture {
 protected:
  void SetUp() override {
    StoreFixture::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    if (const auto why = tests::TinyDisk::reason_missing(); !why.empty()) GTEST_SKIP() << why;
    struct stat data {};
    if (::stat(value("SHOW data_directory").c_str(), &data) != 0) GTEST_SKIP() << "the server runs on another machine";
    disk_ = std::make_unique<tests::TinyDisk>(kSmall);
    ASSERT_EQ(::chown(disk_->path().c_str(), data.st_uid, data.st_gid), 0);
    store_ = open_migrated();
    execute("CREATE TABLESPACE " + tablespace_ + " LOCATION '" + disk_->path() + "'");
    execute("ALTER TABLE penstock.events SET TABLESPACE " + tablespace_);
  }
  void TearDown() override {
    if (!store_) return;
    store_.reset();
    execute("DROP SCHEMA penstock CASCADE");
    execute("DROP TABLESPACE " + tablespace_);
  }

  std::string append() {
    std::string data;
    while (data.size() < kEventBytes) data.push_back(static_cast<char>(random_.next()));  // does not compress
    AppendRequest request;
    const EventRef small = event("order-1");  // keeps what the views point into
    Event large = *small;
    large.data = data;
    request.events.push_back(make_event(large));
    return code_of(store_->events().append_and_wait(std::move(request), soon()));
  }

  const std::string tablespace_ = "tiny_" + std::to_string(::getpid());
  tests::SeededRandom random_{1};
  std::unique_ptr<tests::TinyDisk> disk_;
  std::unique_ptr<Store> store_;
};

TEST_F(PostgresOnAFullDisk, RefusesAppendsAndTakesThemAgainWhenThereIsRoom) {
  std::int64_t appended = 0;
  std::string code;
  while ((code = append()) == "ok" && appended * kEventBytes <= kSmall) ++appended;
  EXPECT_EQ(code, "store.disk_full") << "after " << appended;
  EXPECT_EQ(append(), "store.disk_full") << "and again";
  ASSERT_GT(appended, 0);
  EXPECT_EQ(store_->log().head(), Position{appended});
  disk_->grow(kLarge);
  EXPECT_EQ(append(), "ok");
  EXPECT_EQ(store_->log().head(), Position{appended + 1});
  expect_sound_log();
}

}  // namespace
}  // namespace penstock::store::postgres
