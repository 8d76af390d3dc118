// A route on a log whose beginning was dropped.
#include <gtest/gtest.h>

#include "connectors/store/store_source.h"
#include "store/dropping.h"
#include "tests/support/manual_clock.h"
#include "tests/support/memory_store.h"
#include "tests/support/recording_log.h"

namespace penstock::connectors {
namespace {

constexpr std::chrono::seconds kLong{30};

class StoreSourceFloorTest : public ::testing::Test {
 protected:
  void append(int events) {
    store::AppendRequest request;
    for (int i = 0; i < events; ++i) {
      std::array<std::uint8_t, 16> bytes{};
      bytes.back() = ++last_id_;
      request.events.push_back(make_event({.id = EventId(bytes), .stream = "a-1", .category = "a", .type = "placed"}));
    }
    ASSERT_TRUE(store_.events().append_and_wait(std::move(request), Deadline::in(kLong)));
  }
  void drop(std::int64_t floor, std::vector<std::string> past = {}) {
    const auto done = store::drop(store_, {Position{floor}, std::move(past)}, [](std::uint64_t) {});
    ASSERT_TRUE(done) << done.error().describe();
  }

  std::unique_ptr<Source> source(std::optional<Position> start_after = Position{0}) {
    StoreSourceSettings settings;
    settings.route = "r";
    settings.start_after = start_after;
    return make_store_source(std::move(settings), store_.log(), store_.checkpoints(), store_.gaps(), words_);
  }
  Status open(Source& source) {
    return source.open({.lease = lease_, .kept_by_reference = {}}, Deadline::in(kLong), {});
  }
  static std::string code_of(const Status& status) { return status ? "ok" : std::string(status.error().code().name); }
  static std::vector<std::int64_t> read(Source& source) {
    std::vector<std::int64_t> positions;
    const auto batch = source.read({.events = 100, .bytes = 1 << 20, .window = ReadRoom::Window::kEmpty},
                                   Deadline::in(std::chrono::seconds(0)), {});
    EXPECT_TRUE(batch) << batch.error().describe();
    if (batch)
      for (const ReadItem& item : batch->items) positions.push_back(item.event->position->value);
    return positions;
  }
  std::int64_t checkpoint() { return (*store_.checkpoints().load("r"))->position.value; }

  tests::ManualClock clock_;
  tests::RecordingLog words_;
  std::shared_ptr<tests::MemoryDatabase> database_ = std::make_shared<tests::MemoryDatabase>(clock_);
  tests::MemoryStore store_{database_};
  Lease lease_ = store_.leases().take("route/r", "me").value();
  std::uint8_t last_id_ = 0;
};

TEST_F(StoreSourceFloorTest, BeginsAtTheFloorWhenAskedForTheEarliestAndSaysSo) {
  append(5);
  drop(3);
  auto earliest = source();
  ASSERT_EQ(code_of(open(*earliest)), "ok");
  EXPECT_EQ(words_.count(LogLevel::kWarn), 1u);
  EXPECT_EQ(read(*earliest), (std::vector<std::int64_t>{4, 5}));
  EXPECT_EQ(checkpoint(), 3);
}

TEST_F(StoreSourceFloorTest, RefusesAStartBelowTheFloor) {
  append(5);
  drop(3);
  EXPECT_EQ(code_of(open(*source(Position{2}))), "store.removed");
  EXPECT_FALSE(store_.checkpoints().load("r").value().has_value());
  EXPECT_EQ(code_of(open(*source(Position{3}))), "ok");
}

TEST_F(StoreSourceFloorTest, BeginsBehindAnEmptyLogWhenAskedForTheLatest) {
  append(3);
  drop(3);
  auto latest = source(std::nullopt);
  ASSERT_EQ(code_of(open(*latest)), "ok");
  append(1);
  EXPECT_EQ(read(*latest), (std::vector<std::int64_t>{4}));
}

TEST_F(StoreSourceFloorTest, WaitsUntilWhatItLosesIsAcknowledgedAndGoesOnAtTheFloor) {
  append(5);
  ASSERT_TRUE(store_.checkpoints().create(lease_, "r", Position{1}));
  drop(3, {"r"});
  auto behind = source();
  EXPECT_EQ(code_of(open(*behind)), "store.removed");
  ASSERT_TRUE(store_.gaps().acknowledge(1, "anna"));
  ASSERT_EQ(code_of(open(*behind)), "ok");
  EXPECT_EQ(read(*behind), (std::vector<std::int64_t>{4, 5}));
  ASSERT_TRUE(behind->settle(ReadMark{1}));
  EXPECT_EQ(checkpoint(), 4);
  behind->close();
  ASSERT_EQ(code_of(open(*behind)), "ok");
  EXPECT_EQ(read(*behind), (std::vector<std::int64_t>{5}));
}

TEST_F(StoreSourceFloorTest, RefusesACheckpointBelowTheFloorWithoutARecord) {
  append(5);
  ASSERT_TRUE(store_.checkpoints().create(lease_, "r", Position{1}));
  const std::vector<std::string> past = {"r"};
  ASSERT_TRUE(store_.retention().raise_floor(Position{3}, past));
  const Status opened = open(*source());
  EXPECT_EQ(code_of(opened), "store.removed");
  EXPECT_NE(opened.error().describe().find("store drop --before 4 --past r"), std::string::npos);
}

TEST_F(StoreSourceFloorTest, EndsAnOpeningThatTheFloorHasOvertaken) {
  append(5);
  auto all = source();
  ASSERT_EQ(code_of(open(*all)), "ok");
  drop(3, {"r"});
  const auto batch = all->read({.events = 100, .bytes = 1 << 20, .window = ReadRoom::Window::kEmpty},
                               Deadline::in(std::chrono::seconds(0)), {});
  ASSERT_FALSE(batch);
  EXPECT_EQ(batch.error().code().name, codes::kStoreRemoved.name);
}

// What was in flight arrives in spite of the drop, but it can't be settled any more: the route waits, and heals.
TEST_F(StoreSourceFloorTest, OpensAnewWhereTheFloorOvertookWhatIsInFlight) {
  append(5);
  auto all = source();
  ASSERT_EQ(code_of(open(*all)), "ok");
  EXPECT_EQ(read(*all), (std::vector<std::int64_t>{1, 2, 3, 4, 5}));
  drop(3, {"r"});
  const Status settled = all->settle(ReadMark{2});
  EXPECT_EQ(code_of(settled), "store.removed");
  const Status waiting = open(*all);
  EXPECT_EQ(code_of(waiting), "store.removed");
  EXPECT_NE(waiting.error().message().find("it waits for `penstock gaps ack 1`"), std::string::npos);
  ASSERT_TRUE(store_.gaps().acknowledge(1, "anna"));
  ASSERT_EQ(code_of(open(*all)), "ok");
  EXPECT_EQ(read(*all), (std::vector<std::int64_t>{4, 5}));
  EXPECT_TRUE(all->settle(ReadMark{2}));
  EXPECT_EQ(checkpoint(), 5);
}

TEST_F(StoreSourceFloorTest, PassesDropsThatFollowedEachOther) {
  append(6);
  ASSERT_TRUE(store_.checkpoints().create(lease_, "r", Position{1}));
  drop(3, {"r"});
  drop(5, {"r"});
  const auto gaps = store_.gaps().list(0, 10);
  ASSERT_EQ(gaps->size(), 2u);
  EXPECT_EQ(gaps->back().from, Position{4});
  EXPECT_EQ(gaps->back().events.size(), 2u);
  auto behind = source();
  ASSERT_TRUE(store_.gaps().acknowledge(1, "anna"));
  EXPECT_EQ(code_of(open(*behind)), "store.removed");
  ASSERT_TRUE(store_.gaps().acknowledge(2, "anna"));
  ASSERT_EQ(code_of(open(*behind)), "ok");
  EXPECT_EQ(read(*behind), (std::vector<std::int64_t>{6}));
}

}  // namespace
}  // namespace penstock::connectors
