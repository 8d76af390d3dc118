// The source over a table in memory: what it asks for, how often, and what becomes of rows.
#include "connectors/outbox/outbox_source.h"

#include <gmock/gmock.h>

#include <deque>
#include <functional>
#include <list>
#include <map>
#include <set>

#include "connectors/outbox/outbox_table.h"
#include "connectors/outbox/profiles.h"
#include "tests/support/manual_clock.h"
#include "tests/support/memory_source_checkpoints.h"
#include "tests/support/memory_source_gaps.h"
#include "tests/support/recording_log.h"
#include "tests/support/seeded_random.h"

namespace penstock::outbox {
namespace {

using namespace std::chrono_literals;
using connectors::ReadBatch;
using connectors::ReadRoom;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::uint64_t kLarge = 5'000'000;

// What a table in a database would hold, and what it was asked.
struct TableRows {
  std::map<std::int64_t, std::string> payloads;  // by number
  std::set<std::int64_t> large;
  std::vector<ScanPlan> plans;
  std::vector<std::int64_t> removed;
  LockHolders holders;
  int looks = 0, openings = 0, closings = 0;
  std::optional<Error> scan_error;
  bool given_up = false;
  std::function<Duration(Reach)> meanwhile;              // while it is scanned; answers how long others were waited for
  std::optional<std::deque<OutboxTable::Waited>> waits;  // answers of a table that listens; then kUntilDeadline
};

class MemoryRows final : public OutboxTable {
 public:
  explicit MemoryRows(TableRows& rows) : rows_(rows) {
    for (const char* name : {"id", "aggregatetype", "aggregateid", "type", "payload"})
      shape_.columns.push_back({name, ColumnType::kText});
    shape_.order_column = "seq";
  }

  Status open(Deadline, std::stop_token) override {
    ++rows_.openings;
    return {};
  }
  void close() override { ++rows_.closings; }
  const RowShape& shape() const override { return shape_; }
  MarkMoves mark_moves() const override { return MarkMoves::kBehindLockHolders; }

  Result<Scanned> scan(const ScanPlan& plan, const ScanRoom& room, EventBatchBuilder& builder,
                       RowReceiver& receiver) override {
    rows_.plans.push_back(plan);
    if (rows_.scan_error) return fail(*rows_.scan_error);
    const auto texts = std::make_shared<std::list<std::string>>();
    builder.adopt(texts);
    std::size_t taken = 0;
    for (const auto& [number, payload] : rows_.payloads) {
      if (!is_asked_for(plan, number)) continue;
      if (taken++ == room.rows) return Scanned{ScanEnd::kCutShort, {}, plan.reach};
      if (rows_.large.contains(number)) {
        receiver.large_row({number, {}}, {kLarge, 0}, "7");
        continue;
      }
      const std::string& id =
          texts->emplace_back(EventId::from_name(kNamespaceUrl, std::to_string(number)).to_string());
      const std::string& data = texts->emplace_back(payload);
      const std::vector<Cell> cells{Cell::text(id), Cell::text("order"), Cell::text("7"), Cell::text("placed"),
                                    Cell::text(data)};
      receiver.whole_row({number, cells});
    }
    Scanned scanned{ScanEnd::kExhausted, {}, plan.reach};
    if (rows_.meanwhile) scanned.waited = rows_.meanwhile(plan.reach);
    return scanned;
  }

  Result<LockHolders> lock_holders() override {
    ++rows_.looks;
    return rows_.holders;
  }
  Identity identity() const override { return {}; }
  Result<std::optional<connectors::Blocker>> blocker(const LockHolders&) override {
    return std::optional<connectors::Blocker>();
  }
  Status settle(std::span<const RowKey> keys) override {
    for (const RowKey& key : keys) {
      rows_.removed.push_back(key.number);
      rows_.payloads.erase(key.number);
    }
    return {};
  }
  Result<News> look_for_news(std::stop_token) override { return News::kUnknown; }
  Result<Waited> wait_for_notification(Deadline, std::stop_token) override {
    if (!rows_.waits) return Waited::kNo;
    if (rows_.waits->empty()) return Waited::kUntilDeadline;
    const Waited waited = rows_.waits->front();
    rows_.waits->pop_front();
    return waited;
  }
  Status stay_awake() override { return {}; }
  void give_up() override { rows_.given_up = true; }

 private:
  static bool is_asked_for(const ScanPlan& plan, std::int64_t number) {
    const auto has = [number](const std::vector<std::int64_t>& some) { return std::ranges::count(some, number) > 0; };
    return std::ranges::any_of(plan.ranges, [&](const NumberRange& range) { return range.contains(number); }) &&
           !has(plan.in_flight) && !has(plan.kept);
  }

  TableRows& rows_;
  RowShape shape_;
};

class OutboxSourceTest : public testing::Test {
 protected:
  OutboxSourceTest() {
    OutboxSettings settings;
    settings.source_name = "orders";
    settings.table = {"shop", "outbox"};
    settings.order_by = "seq";
    settings.batch = 100;
    settings.event_bytes = 1 << 20;
    settings.columns = columns_of(*find_profile("debezium"));
    source_ = make_outbox_source(settings, std::make_unique<MemoryRows>(rows_), checkpoints_, gaps_, surroundings_);
  }

  void open(std::vector<std::string> kept = {}) {
    ASSERT_TRUE(source_->open({{}, std::move(kept)}, Deadline::in(1s), {}));
  }
  void add(std::int64_t number) { rows_.payloads[number] = std::to_string(number); }
  // Payloads of one read, "large" for rows by reference.
  std::vector<std::string> read() {
    auto batch = source_->read({1'000, 16 << 20, ReadRoom::Window::kEmpty}, Deadline::in(0s), {});
    EXPECT_TRUE(batch) << batch.error().describe();
    std::vector<std::string> found;
    if (!batch) return found;
    for (connectors::ReadItem& item : batch->items) {
      found.emplace_back(item.malformed ? "large" : std::string(*item.event->data));
      last_mark_ = item.mark;
      items_.push_back(std::move(item));
    }
    return found;
  }
  // By a read of a table that listens, or by none if it has to rest first.
  std::size_t scans_when_notified() {
    const std::size_t before = rows_.plans.size();
    rows_.waits->push_back(OutboxTable::Waited::kUntilNotified);
    read();
    return rows_.plans.size() - before;
  }
  int full_scans() const {
    return static_cast<int>(
        std::ranges::count_if(rows_.plans, [](const ScanPlan& plan) { return plan.reach == Reach::kWholeTable; }));
  }

  TableRows rows_;
  tests::MemorySourceCheckpoints checkpoints_;
  tests::MemorySourceGaps gaps_;
  tests::SeededRandom random_{1};
  tests::RecordingLog log_;
  tests::ManualClock clock_;
  const connectors::Surroundings surroundings_{clock_, random_, log_, "test"};
  std::unique_ptr<connectors::Source> source_;
  ReadMark last_mark_{};
  std::vector<connectors::ReadItem> items_;
};

TEST_F(OutboxSourceTest, ReadsARowOnceWhileItIsInFlight) {
  open();
  add(1);
  add(2);
  EXPECT_THAT(read(), ElementsAre("1", "2"));
  clock_.advance(3s);
  EXPECT_THAT(read(), IsEmpty());
  add(3);
  EXPECT_THAT(read(), ElementsAre("3"));
  EXPECT_EQ(source_->figures().rereads, 0U);
}

TEST_F(OutboxSourceTest, FindsALowerNumberThatIsCommittedLate) {
  open();
  add(1);
  add(3);
  EXPECT_THAT(read(), ElementsAre("1", "3"));
  add(2);
  EXPECT_THAT(read(), ElementsAre("2"));
}

TEST_F(OutboxSourceTest, RemovesRowsOnlyWhenTheyAreSettled) {
  open();
  add(1);
  add(2);
  read();
  EXPECT_THAT(rows_.removed, IsEmpty());
  ASSERT_TRUE(source_->settle(items_.front().mark));
  EXPECT_THAT(rows_.removed, ElementsAre(1));
  ASSERT_TRUE(source_->settle(last_mark_));
  EXPECT_THAT(rows_.removed, ElementsAre(1, 2));
}

TEST_F(OutboxSourceTest, LeavesARowThatIsParkedByReferenceInItsTable) {
  open();
  add(1);
  add(2);
  rows_.large = {1};
  EXPECT_THAT(read(), ElementsAre("large", "2"));
  ASSERT_TRUE(source_->settle(last_mark_));
  EXPECT_THAT(rows_.removed, ElementsAre(2));
  clock_.advance(3s);
  EXPECT_THAT(read(), IsEmpty()) << "also a scan of the whole table leaves it out";
  EXPECT_THAT(rows_.plans.back().kept, ElementsAre(1));
}

TEST_F(OutboxSourceTest, LeavesOutWhatAnEarlierOpeningParked) {
  add(1);
  add(2);
  open({"1"});
  EXPECT_THAT(read(), ElementsAre("2"));
}

TEST_F(OutboxSourceTest, ScansTheWholeTableAtMostEveryTwoSeconds) {
  open();
  for (int i = 0; i < 100; ++i) {
    read();
    clock_.advance(100ms);
  }
  EXPECT_GE(full_scans(), 4);
  EXPECT_LE(full_scans(), 6);
}

TEST_F(OutboxSourceTest, ReadsWhatWasAnnouncedToAReadThatWasStopped) {
  rows_.waits.emplace();
  open();
  const auto found = [this](Duration within, std::stop_token stop) {
    const auto batch = source_->read({100, 1 << 20, ReadRoom::Window::kEmpty}, Deadline::in(within), std::move(stop));
    return batch ? batch->items.size() : 99;
  };
  add(1);
  EXPECT_EQ(found(10s, {}), 1U);
  add(2);
  EXPECT_EQ(found(0s, {}), 0U) << "nothing was announced";
  rows_.waits->push_back(OutboxTable::Waited::kUntilNotified);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(found(10s, stop.get_token()), 0U);
  EXPECT_EQ(found(10s, {}), 1U);
}

TEST_F(OutboxSourceTest, RestsAfterASlowScanHoweverMuchIsAnnounced) {
  rows_.waits.emplace();
  open();
  ASSERT_EQ(scans_when_notified(), 1U);
  rows_.meanwhile = [this](Reach) {
    clock_.advance(1s);
    return 0s;
  };
  ASSERT_EQ(scans_when_notified(), 1U);
  clock_.advance(2'900ms);
  EXPECT_EQ(scans_when_notified(), 0U);
  clock_.advance(200ms);
  EXPECT_EQ(scans_when_notified(), 1U);
}

// Which is not what the next scan costs.
TEST_F(OutboxSourceTest, RestsForNoTimeThatItWaitedForOthers) {
  rows_.waits.emplace();
  open();
  rows_.meanwhile = [this](Reach) {
    clock_.advance(4s);
    return 4s;
  };
  ASSERT_EQ(scans_when_notified(), 1U);
  EXPECT_EQ(scans_when_notified(), 1U);
  clock_.advance(2s);
  ASSERT_EQ(scans_when_notified(), 1U);
  EXPECT_EQ(full_scans(), 2) << "and the net isn't made less often";
}

TEST_F(OutboxSourceTest, DoesNotRestAfterTheNetWhichIsMadeSeldomAnyway) {
  rows_.waits.emplace();
  open();
  rows_.meanwhile = [this](Reach reach) {
    if (reach == Reach::kWholeTable) clock_.advance(2s);
    return 0s;
  };
  ASSERT_EQ(scans_when_notified(), 1U);
  ASSERT_EQ(full_scans(), 1);
  EXPECT_EQ(scans_when_notified(), 1U);
  clock_.advance(19s);
  EXPECT_EQ(scans_when_notified(), 1U);
  EXPECT_EQ(full_scans(), 1);
}

TEST_F(OutboxSourceTest, LooksAtLockHoldersAtMostTenTimesASecond) {
  open();
  rows_.holders = {"3/17"};
  for (int i = 1; i <= 200; ++i) {
    add(i);
    read();
    clock_.advance(10ms);
  }
  EXPECT_GE(rows_.looks, 1);
  EXPECT_LE(rows_.looks, 21);
}

TEST_F(OutboxSourceTest, EndsItsOpeningWithAnErrorThatNamesTheSource) {
  open();
  rows_.scan_error = Error(codes::kOutboxUnavailable, "the server is gone");
  const auto batch = source_->read({10, 1 << 20, ReadRoom::Window::kEmpty}, Deadline::in(0s), {});
  ASSERT_FALSE(batch);
  EXPECT_EQ(batch.error().message(), "source orders: the server is gone");
  EXPECT_GE(rows_.closings, 1);
}

TEST_F(OutboxSourceTest, ReadsWhatWasInFlightAgainAfterANewOpening) {
  open();
  add(1);
  EXPECT_THAT(read(), ElementsAre("1"));
  open();
  EXPECT_THAT(read(), ElementsAre("1"));
}

TEST_F(OutboxSourceTest, PassesOnThatItsTimeIsOver) {
  source_->give_up();
  EXPECT_TRUE(rows_.given_up);
}

}  // namespace
}  // namespace penstock::outbox
