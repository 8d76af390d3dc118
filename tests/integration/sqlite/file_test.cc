#include <gtest/gtest.h>

#include <filesystem>
#include <future>
#include <thread>

#include "core/random.h"
#include "tests/integration/sqlite/raw_file.h"

namespace penstock::tests {
namespace {

constexpr std::chrono::seconds kFarAway{30};

template <typename T>
std::string code_of(const Result<T>& result) {
  return result ? "ok" : std::string(result.error().code().name);
}

class SqliteFile : public testing::Test {
 protected:
  SqliteFile() : store_(open_migrated(path_)) {}

  static EventRef fresh_event(std::string_view stream, std::string_view type = "placed") {
    static SystemClock clock;
    static SystemRandom random;
    return make_event(
        {.id = make_event_id(clock, random), .stream = stream, .category = default_category(stream), .type = type});
  }
  Result<store::AppendReceipt> append(std::string_view stream = "order-1", int events = 1,
                                      std::string_view type = "placed") {
    store::AppendRequest request;
    for (int i = 0; i < events; ++i) request.events.push_back(fresh_event(stream, type));
    return store_->events().append_and_wait(std::move(request), Deadline::in(kFarAway));
  }

  TemporaryFolder folder_;
  const std::string path_ = folder_.file("penstock.db");
  std::unique_ptr<store::Store> store_;
};

TEST_F(SqliteFile, IsReadWhileAnotherProgramWrites) {
  ASSERT_TRUE(append());
  RawFile other(path_);
  other.execute("BEGIN IMMEDIATE");
  EXPECT_EQ(store_->log().head(), Position{1});
  EXPECT_EQ(store_->log().read_after(Position{0}, {}, {})->events->size(), 1u);
  EXPECT_EQ(store_->events().streams({})->size(), 1u);
  other.execute("COMMIT");
}

TEST_F(SqliteFile, AnswersBusyWhileAnotherProgramHoldsItTooLong) {
  RawFile other(path_);
  other.execute("BEGIN IMMEDIATE");
  EXPECT_EQ(code_of(append()), "store.busy");
  EXPECT_EQ(code_of(store_->leases().take("route/a", "me")), "store.busy");
  other.execute("COMMIT");
  EXPECT_EQ(code_of(append()), "ok");
}

TEST_F(SqliteFile, IsNotWrittenOnceItWasMovedAway) {
  ASSERT_TRUE(append());
  const std::string elsewhere = folder_.file("elsewhere.db");
  std::filesystem::rename(path_, elsewhere);
  EXPECT_EQ(code_of(append()), "store.unavailable");
  EXPECT_EQ(code_of(store_->log().head()), "store.unavailable");
  std::filesystem::rename(elsewhere, path_);
  EXPECT_EQ(append()->first_position, Position{2});
}

TEST_F(SqliteFile, LeavesTheLogOfTheFileThatTookItsPlaceAlone) {
  ASSERT_TRUE(append());
  std::filesystem::rename(path_, folder_.file("elsewhere.db"));
  std::filesystem::rename(path_ + "-wal", folder_.file("elsewhere.db-wal"));
  std::filesystem::remove(path_ + "-shm");
  const auto replacement = open_migrated(path_);
  ASSERT_EQ(replacement->log().head(), Position{0});
  ASSERT_TRUE(std::filesystem::exists(path_ + "-wal"));
  store_.reset();
  EXPECT_TRUE(std::filesystem::exists(path_ + "-wal"));
}

TEST_F(SqliteFile, FencesAppendsOnceWhenItWasRestored) {
  ASSERT_TRUE(append());
  RawFile(path_).execute("UPDATE head SET incarnation = incarnation + 1");
  EXPECT_EQ(code_of(append()), "store.fenced");
  EXPECT_EQ(append()->first_position, Position{2});
  EXPECT_EQ(store_->identity()->incarnation, 2);
}

TEST_F(SqliteFile, StaysAsItIsWhenItsTablesContradictThemselves) {
  ASSERT_TRUE(append("order-1", 3));
  RawFile(path_).execute("UPDATE head SET position = 1");
  EXPECT_EQ(code_of(append("order-2")), "store.corrupt");
  EXPECT_EQ(store_->log().head(), Position{1});
  EXPECT_EQ(code_of(store_->log().read_after(Position{0}, {}, {})), "ok");
}

TEST_F(SqliteFile, BlamesOnlyTheRequestThatContradictsIt) {
  ASSERT_TRUE(append("order-1", 2));
  // order-1 looks one version shorter than it is, so that its next event collides.
  RawFile(path_).execute("UPDATE streams SET last_version = 0 WHERE name = 'order-1'");
  std::vector<store::AppendRequest> requests(3);
  requests[0].events.push_back(fresh_event("order-2"));
  requests[1].events.push_back(fresh_event("order-1"));
  requests[2].events.push_back(fresh_event("order-3"));
  std::vector<std::string> codes(3);
  std::promise<void> answered;
  std::size_t left = 3;
  store_->events().append_many(std::move(requests), Deadline::in(kFarAway), [&](std::size_t index, auto answer) {
    codes[index] = code_of(answer);
    if (--left == 0) answered.set_value();
  });
  answered.get_future().get();
  EXPECT_EQ(codes, (std::vector<std::string>{"ok", "store.corrupt", "ok"}));
  EXPECT_EQ(store_->log().head(), Position{4});
}

TEST_F(SqliteFile, IsScannedInBoundedStretchesForRareTypes) {
  for (int i = 0; i < 21; ++i) ASSERT_TRUE(append("order-1", 1'000));
  ASSERT_TRUE(append("order-1", 1, "rare"));
  const store::LogFilter filter{.types = {"rare"}};
  const auto first = store_->log().read_after(Position{0}, {}, filter);
  EXPECT_TRUE(first->events->empty());
  EXPECT_EQ(first->reached, Position{20'000});
  // What is near the head comes in the pages that all followers share.
  Position reached = first->reached;
  std::size_t found = 0;
  for (int reads = 0; reads < 3 && found == 0; ++reads) {
    const auto next = store_->log().read_after(reached, {}, filter);
    ASSERT_TRUE(next);
    found = next->events->size();
    reached = next->reached;
  }
  EXPECT_EQ(found, 1u);
  EXPECT_EQ(reached, Position{21'001});
  EXPECT_EQ(store_->log().read_before(Position{21'001}, {}, filter)->reached, Position{1'001});
}

TEST_F(SqliteFile, RenewsALeaseSoonThoughAppendsNeverStop) {
  const auto lease = store_->leases().take("route/a", "me");
  ASSERT_TRUE(lease);
  std::jthread appending([this](std::stop_token stop) {
    while (!stop.stop_requested()) EXPECT_TRUE(append("order-1", 500));
  });
  for (int i = 0; i < 20; ++i) {
    const auto renewed = store_->leases().renew(*lease);
    EXPECT_TRUE(renewed) << renewed.error().describe();
  }
}

}  // namespace
}  // namespace penstock::tests
