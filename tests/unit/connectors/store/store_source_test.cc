#include "connectors/store/store_source.h"

#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "core/invariant.h"
#include "store/dropping.h"
#include "tests/unit/connectors/store/store_source_fixture.h"

namespace penstock::connectors {
namespace {

using tests::MemoryStore;
using tests::StoreCall;

TEST_F(StoreSourceTest, YieldsTheLogWithAscendingMarks) {
  append("aba");
  auto all = source();
  ASSERT_TRUE(open(*all));
  const auto items = read(*all);
  ASSERT_EQ(items.size(), 3u);
  for (std::size_t i = 0; i < items.size(); ++i) {
    EXPECT_EQ(items[i].mark.value, i + 1);
    EXPECT_EQ(items[i].event->position->value, static_cast<std::int64_t>(i + 1));
  }
}

TEST_F(StoreSourceTest, SettlesByAdvancingTheCheckpoint) {
  append("aaa");
  auto all = source();
  ASSERT_TRUE(open(*all));
  read(*all);
  ASSERT_TRUE(all->settle(ReadMark{2}));
  EXPECT_EQ(checkpoint(), 2);
  ASSERT_TRUE(all->settle(ReadMark{3}));
  EXPECT_EQ(checkpoint(), 3);
}

TEST_F(StoreSourceTest, GoesOnBehindItsCheckpointWhenOpenedAgain) {
  append("aaa");
  auto first = source();
  ASSERT_TRUE(open(*first));
  read(*first);
  ASSERT_TRUE(first->settle(ReadMark{1}));
  first->close();
  ASSERT_TRUE(open(*first));
  const auto items = read(*first);
  ASSERT_EQ(items.size(), 2u);
  EXPECT_EQ(items[0].mark.value, 1u);
  EXPECT_EQ(items[0].event->position->value, 2);
}

TEST_F(StoreSourceTest, ReadsOnWhileEarlierItemsAreInFlight) {
  append("a");
  auto all = source();
  ASSERT_TRUE(open(*all));
  EXPECT_EQ(read(*all).size(), 1u);
  append("a");
  const auto items = read(*all);
  ASSERT_EQ(items.size(), 1u);
  EXPECT_EQ(items[0].mark.value, 2u);
}

TEST_F(StoreSourceTest, EndsAPageWithAnItemForWhatItsFilterDropped) {
  append("abb");
  auto some = source({.filter = {.categories = {"a"}, .types = {}}});
  ASSERT_TRUE(open(*some));
  const auto items = read(*some);
  ASSERT_EQ(items.size(), 2u);
  EXPECT_NE(items[0].event, nullptr);
  EXPECT_EQ(items[1].event, nullptr);
  ASSERT_TRUE(some->settle(ReadMark{2}));
  EXPECT_EQ(checkpoint(), 3);
}

TEST_F(StoreSourceTest, StartsBehindTheHeadWhenAskedForTheLatest) {
  append("aa");
  auto latest = source({.start_after = std::nullopt});
  ASSERT_TRUE(open(*latest));
  EXPECT_TRUE(read(*latest).empty());
  append("a");
  EXPECT_EQ(read(*latest).size(), 1u);
}

TEST_F(StoreSourceTest, RefusesAStartBeyondTheHead) {
  append("aa");
  auto beyond = source({.start_after = Position{3}});
  const Status opened = open(*beyond);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code().name, "relay.checkpoint_beyond_head");
  EXPECT_FALSE(store_.checkpoints().load("r").value().has_value());
}

TEST_F(StoreSourceTest, CarriesTheCheckpointOfItsFormerNameOver) {
  append("aaa");
  auto old = source({.route = "old"});
  ASSERT_TRUE(open(*old));
  read(*old);
  ASSERT_TRUE(old->settle(ReadMark{2}));
  auto renamed = source({.route = "new", .renamed_from = "old"});
  ASSERT_TRUE(open(*renamed));
  EXPECT_EQ(checkpoint("new"), 2);
}

TEST_F(StoreSourceTest, WaitsBehindAGapOfItsFormerName) {
  append("aaaa");
  auto old = source({.route = "old"});
  ASSERT_TRUE(open(*old));
  read(*old, {.events = 1, .bytes = 1'000, .window = ReadRoom::Window::kEmpty});
  ASSERT_TRUE(old->settle(ReadMark{1}));
  old = nullptr;
  const auto dropped = store::drop(store_, {Position{3}, {"old"}}, [](std::uint64_t) {});
  ASSERT_TRUE(dropped && dropped->gaps.size() == 1u);

  auto renamed = source({.route = "new", .renamed_from = "old"});
  const Status opened = open(*renamed);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code().name, codes::kStoreRemoved.name);
  ASSERT_TRUE(store_.gaps().acknowledge(dropped->gaps[0], "operator"));
  const Status again = open(*renamed);
  ASSERT_TRUE(again) << again.error().describe();
  EXPECT_EQ(read(*renamed).size(), 1u);
}

TEST_F(StoreSourceTest, RefusesACheckpointBeyondTheHead) {
  append("aaa");
  auto all = source();
  ASSERT_TRUE(open(*all));
  read(*all);
  ASSERT_TRUE(all->settle(ReadMark{3}));
  database_->lose_events_beyond(Position{1});
  const Status opened = open(*source());  // as after a restart: nothing else is known
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code().name, "relay.checkpoint_beyond_head");
}

TEST_F(StoreSourceTest, RefusesAnotherEventAtItsCheckpoint) {
  append("aa");
  auto all = source();
  ASSERT_TRUE(open(*all));
  read(*all);
  ASSERT_TRUE(all->settle(ReadMark{2}));
  database_->lose_events_beyond(Position{1});
  append("aa");
  const Status opened = open(*source());  // as after a restart: nothing else is known
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code().name, "relay.checkpoint_mismatch");
}

TEST_F(StoreSourceTest, NoticesALogThatGoesBackWhileItIsOpen) {
  append("aaa");
  auto all = source();
  ASSERT_TRUE(open(*all));
  int reads = 0;
  database_->set_faults({.before = [&](StoreCall call) -> std::optional<Error> {
                           if (call == StoreCall::kReadLog && ++reads == 2) database_->lose_events_beyond(Position{1});
                           return std::nullopt;
                         },
                         .after = {}});
  read(*all, {.events = 2, .bytes = 1 << 20, .window = ReadRoom::Window::kEmpty});
  const auto batch = all->read(kRoom, Deadline::in(kLong), {});
  ASSERT_FALSE(batch);
  EXPECT_EQ(batch.error().code().name, "relay.checkpoint_beyond_head");
}

TEST_F(StoreSourceTest, ReadsTheNextPageBeforeItIsAskedForIt) {
  append("aaaaaaaa");
  auto all = source();
  ASSERT_TRUE(open(*all));
  std::promise<void> read_ahead;
  int reads = 0;
  database_->set_faults({.before = {}, .after = [&](StoreCall call) -> std::optional<Error> {
                           if (call == StoreCall::kReadLog && ++reads == 2) read_ahead.set_value();
                           return std::nullopt;
                         }});
  ASSERT_EQ(read(*all, {.events = 4, .bytes = 1 << 20, .window = ReadRoom::Window::kEmpty}).size(), 4u);
  EXPECT_EQ(read_ahead.get_future().wait_for(kLong), std::future_status::ready);
  ASSERT_TRUE(all->settle(ReadMark{4}));
}

TEST_F(StoreSourceTest, ReadsAheadAQuarterOfTheWindow) {
  append("aaaaaaaaaaaa");
  auto probe = source({.route = "probe"});
  ASSERT_TRUE(open(*probe));
  const std::size_t bytes = read(*probe)[0].event->size_bytes();
  auto all = source();
  ASSERT_TRUE(open(*all));
  const ReadRoom eight{.events = 100, .bytes = 8 * bytes, .window = ReadRoom::Window::kEmpty};
  ASSERT_EQ(read(*all, eight).size(), 8u);
  EXPECT_EQ(read(*all, eight).size(), 2u);
}

TEST_F(StoreSourceTest, HandsOutOfAPageThatWasReadAheadWhatThereIsRoomFor) {
  append("aaaaaaaaaaaaaaaa");
  auto all = source();
  ASSERT_TRUE(open(*all));
  ASSERT_EQ(read(*all, {.events = 12, .bytes = 1 << 20, .window = ReadRoom::Window::kEmpty}).size(), 12u);
  const ReadRoom one{.events = 1, .bytes = 1 << 20, .window = ReadRoom::Window::kInUse};
  std::vector<std::int64_t> positions;
  for (int i = 0; i < 4; ++i) {
    const auto items = read(*all, one);
    ASSERT_EQ(items.size(), 1u);
    EXPECT_EQ(items[0].mark.value, 13u + static_cast<std::uint64_t>(i));
    positions.push_back(items[0].event->position->value);
  }
  EXPECT_EQ(positions, (std::vector<std::int64_t>{13, 14, 15, 16}));
}

TEST_F(StoreSourceTest, ForgetsWhatItReadAheadWhenItIsClosed) {
  append("aaaa");
  auto all = source();
  ASSERT_TRUE(open(*all));
  ASSERT_EQ(read(*all, {.events = 2, .bytes = 1 << 20, .window = ReadRoom::Window::kEmpty}).size(), 2u);
  all->close();
  ASSERT_TRUE(open(*all));
  const auto items = read(*all);
  ASSERT_EQ(items.size(), 4u);
  EXPECT_EQ(items[0].event->position->value, 1);
}

TEST_F(StoreSourceTest, AnswersWithTheErrorOfAPageThatWasReadAhead) {
  append("aaaa");
  auto all = source();
  ASSERT_TRUE(open(*all));
  int reads = 0;
  database_->set_faults({.before = [&](StoreCall call) -> std::optional<Error> {
                           if (call != StoreCall::kReadLog || ++reads < 2) return std::nullopt;
                           return Error(codes::kStoreUnavailable, "away");
                         },
                         .after = {}});
  ASSERT_EQ(read(*all, {.events = 2, .bytes = 1 << 20, .window = ReadRoom::Window::kEmpty}).size(), 2u);
  const auto batch = all->read(kRoom, Deadline::in(kLong), {});
  ASSERT_FALSE(batch);
  EXPECT_EQ(batch.error().code().name, "store.unavailable");
}

TEST_F(StoreSourceTest, KeepsALargeEventBackWhileOthersAreInFlight) {
  append("a");
  append_one("a", std::string(5'000, 'x'));
  auto all = source();
  ASSERT_TRUE(open(*all));
  ASSERT_EQ(read(*all, {.events = 1, .bytes = 1'000, .window = ReadRoom::Window::kEmpty}).size(), 1u);
  const ReadRoom in_use{.events = 10, .bytes = 1'000, .window = ReadRoom::Window::kInUse};
  EXPECT_TRUE(read(*all, in_use).empty());
  EXPECT_TRUE(read(*all, in_use).empty());
  const auto items = read(*all, {.events = 10, .bytes = 1'000, .window = ReadRoom::Window::kEmpty});
  ASSERT_EQ(items.size(), 1u);
  EXPECT_EQ(items[0].event->data->size(), 5'000u);
}

TEST_F(StoreSourceTest, WakesForAnAppendWhileItWaitsInsideRead) {
  auto all = source();
  ASSERT_TRUE(open(*all));
  std::jthread writer([this] { append("a"); });
  const auto batch = all->read(kRoom, Deadline::in(kLong), {});
  ASSERT_TRUE(batch);
  EXPECT_EQ(batch->items.size(), 1u);
}

TEST_F(StoreSourceTest, ReturnsEmptyHandedWhenStopped) {
  auto all = source();
  ASSERT_TRUE(open(*all));
  std::stop_source stop;
  stop.request_stop();
  const auto batch = all->read(kRoom, Deadline::in(kLong), stop.get_token());
  ASSERT_TRUE(batch);
  EXPECT_TRUE(batch->items.empty());
}

TEST_F(StoreSourceTest, PassesOnThatItsLeaseWasLost) {
  append("a");
  auto all = source();
  ASSERT_TRUE(open(*all));
  read(*all);
  store_.end_session();
  MemoryStore other(database_);
  ASSERT_TRUE(other.leases().take("route/r", "other"));
  const Status settled = all->settle(ReadMark{1});
  ASSERT_FALSE(settled);
  EXPECT_EQ(settled.error().kind(), ErrorKind::kFenced);
}

TEST_F(StoreSourceTest, ShowsItsLag) {
  append("aaa");
  auto all = source();
  ASSERT_TRUE(open(*all));
  read(*all);
  ASSERT_TRUE(all->settle(ReadMark{1}));
  const SourceFigures figures = all->figures();
  EXPECT_EQ(figures.settled, Position{1});
  EXPECT_EQ(figures.head, Position{3});
  EXPECT_EQ(figures.lag_events, 2);
}

TEST_F(StoreSourceTest, BreaksOnAMarkThatItNeverGave) {
  append("a");
  auto all = source();
  ASSERT_TRUE(open(*all));
  read(*all);
  EXPECT_THROW((void)all->settle(ReadMark{2}), BrokenInvariant);
}

// A log that answers with the pages that a test made.
class SkippingLog final : public store::EventLog {
 public:
  explicit SkippingLog(std::vector<std::int64_t> positions, std::int64_t reached) : reached_(reached) {
    EventBatchBuilder builder;
    for (const std::int64_t position : positions)
      builder.add({.id = id_of(1), .stream = "a-1", .category = "a", .type = "t", .position = Position{position}});
    events_ = std::move(builder).finish();
  }
  Result<store::LogPage> read_after(Position, store::ReadLimit, const store::LogFilter&) override {
    return store::LogPage{events_, Position{reached_}};
  }
  Result<store::LogPage> read_before(Position, store::ReadLimit, const store::LogFilter&) override {
    return store::LogPage{events_, Position{reached_}};
  }
  Result<std::optional<Position>> first_since(Timestamp) override { return std::nullopt; }
  Result<std::optional<Position>> last_before(Timestamp) override { return std::nullopt; }
  Result<std::optional<EventId>> event_id_at(Position) override { return std::nullopt; }
  std::uint64_t generation() override { return 0; }
  Result<Position> head() override { return Position{10}; }
  Result<Position> floor() override { return Position{0}; }
  Result<Position> wait_beyond(Position, Deadline, std::stop_token) override { return Position{10}; }

 private:
  std::shared_ptr<const EventBatch> events_;
  const std::int64_t reached_;
};

TEST_F(StoreSourceTest, RefusesAPageThatSkipsAPosition) {
  for (auto [positions, reached] : std::vector<std::pair<std::vector<std::int64_t>, std::int64_t>>{
           {{2, 3}, 3}, {{1, 3}, 3}, {{1, 2}, 3}, {{1, 1}, 1}, {{2, 1}, 2}}) {
    SkippingLog log(positions, reached);
    auto skipping = make_store_source({.route = "r"}, log, store_.checkpoints(), store_.gaps(), words_);
    ASSERT_TRUE(open(*skipping));
    const auto batch = skipping->read(kRoom, Deadline::in(kLong), {});
    ASSERT_FALSE(batch);
    EXPECT_EQ(batch.error().code().name, "relay.not_contiguous");
  }
}

}  // namespace
}  // namespace penstock::connectors
