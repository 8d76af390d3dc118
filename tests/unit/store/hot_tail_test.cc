#include "store/hot_tail.h"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <future>
#include <latch>
#include <random>
#include <thread>

#include "tests/support/seeded_random.h"

namespace penstock::store {
namespace {

// A log in memory that counts how often it is read.
class FakeLog {
 public:
  void append(int events, std::string_view category = "order") {
    std::lock_guard lock(mutex_);
    for (int i = 0; i < events; ++i) {
      std::array<std::uint8_t, 16> id{1};
      id[15] = static_cast<std::uint8_t>(log_.size());
      log_.push_back(make_event({.id = EventId(id),
                                 .stream = "order-1",
                                 .category = category,
                                 .type = "placed",
                                 .data = "some data",
                                 .key = "1",
                                 .position = Position{static_cast<std::int64_t>(log_.size()) + 1}}));
    }
  }
  void lose_beyond(std::size_t position) {
    std::lock_guard lock(mutex_);
    log_.resize(position);
    ++incarnation_;
  }
  Position head() const {
    std::lock_guard lock(mutex_);
    return Position{static_cast<std::int64_t>(log_.size())};
  }

  Result<HotTail::Loaded> read(Position after, const ReadLimit& limit) {
    ++reads_;
    if (while_read_) std::exchange(while_read_, nullptr)();
    std::lock_guard lock(mutex_);
    if (broken_) return fail(codes::kStoreUnavailable, "the log is away");
    EventBatchBuilder builder;
    Position reached = after;
    for (auto at = static_cast<std::size_t>(after.value); at < log_.size() && builder.size() < limit.events; ++at) {
      builder.adopt(log_[at]);
      reached = *builder.add(*log_[at]).position;
    }
    auto events = std::move(builder).finish();
    last_page_ = events;
    return HotTail::Loaded{{std::move(events), reached}, {"fake", 0, incarnation_}};
  }

  void set_broken(bool broken) {
    std::lock_guard lock(mutex_);
    broken_ = broken;
  }
  // Called once, by the next read.
  void set_while_read(std::function<void()> act) { while_read_ = std::move(act); }
  int reads() const { return reads_; }
  std::weak_ptr<const EventBatch> last_page() const {
    std::lock_guard lock(mutex_);
    return last_page_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<EventRef> log_;
  std::int64_t incarnation_ = 1;
  bool broken_ = false;
  std::function<void()> while_read_;
  std::weak_ptr<const EventBatch> last_page_;
  std::atomic<int> reads_ = 0;
};

class HotTailTest : public testing::Test {
 protected:
  HotTail make(std::size_t bytes = 1 << 20) {
    return HotTail([this](Position after, const ReadLimit& limit) { return log_.read(after, limit); }, bytes);
  }
  // Up to the head, from the tail only.
  std::vector<std::int64_t> follow(HotTail& tail, Position after, const LogFilter& filter = {}) {
    std::vector<std::int64_t> seen;
    while (after < log_.head()) {
      const auto page = tail.read_after(after, {.events = 3}, filter, log_.head());
      if (!page || !*page) {
        ADD_FAILURE() << "not at the tail after " << after.value;
        break;
      }
      for (const Event& event : (*page)->events->events()) seen.push_back(event.position->value);
      after = (*page)->reached;
    }
    return seen;
  }

  FakeLog log_;
};

TEST_F(HotTailTest, ReadsThePageOnceForAThousandFollowers) {
  HotTail tail = make();
  for (int round = 0; round < 5; ++round) {
    const Position before = log_.head();
    log_.append(4);
    for (int follower = 0; follower < 1'000; ++follower) ASSERT_EQ(follow(tail, before).size(), 4u);
  }
  EXPECT_EQ(log_.reads(), 5);
}

TEST_F(HotTailTest, ReadsThePageOnceForFollowersThatComeTogether) {
  HotTail tail = make();
  for (int round = 0; round < 20; ++round) {
    const Position before = log_.head();
    log_.append(2);
    std::latch ready(8);
    std::vector<std::jthread> followers;
    for (int i = 0; i < 8; ++i)
      followers.emplace_back([&] {
        ready.arrive_and_wait();
        EXPECT_EQ(follow(tail, before).size(), 2u);
      });
  }
  EXPECT_EQ(log_.reads(), 20);
}

TEST_F(HotTailTest, AppliesTheFilterOfEachFollower) {
  HotTail tail = make();
  log_.append(1, "order");
  log_.append(2, "user");
  log_.append(1, "order");
  EXPECT_EQ(follow(tail, Position{0}, {.categories = {"order"}}), (std::vector<std::int64_t>{1, 4}));
  EXPECT_EQ(follow(tail, Position{0}, {.categories = {"user"}}), (std::vector<std::int64_t>{2, 3}));
  EXPECT_EQ(follow(tail, Position{1}, {.types = {"none"}}), std::vector<std::int64_t>{});
  EXPECT_EQ(log_.reads(), 1);
}

// What a filter drops is counted by no window, so it must not live on with what the filter took.
TEST_F(HotTailTest, KeepsAPageAliveOnlyForWhoTookMostOfIt) {
  HotTail tail = make(4'000);
  log_.append(1, "user");
  log_.append(9, "order");
  const auto read = [&](const LogFilter& filter) {
    return tail.read_after(Position{0}, {}, filter, log_.head()).value()->events;
  };
  const auto little = read({.categories = {"user"}});
  auto most = read({.categories = {"order"}});
  const std::weak_ptr<const EventBatch> page = log_.last_page();
  for (int round = 0; round < 2; ++round) {
    const Position before = log_.head();
    log_.append(10);
    follow(tail, before);
  }
  EXPECT_FALSE(page.expired());
  most.reset();
  EXPECT_TRUE(page.expired());
  ASSERT_EQ(little->size(), 1u);
  EXPECT_EQ(little->events()[0].stream, "order-1");
  EXPECT_EQ(little->events()[0].category, "user");
  EXPECT_EQ(little->events()[0].type, "placed");
  EXPECT_EQ(little->events()[0].data, "some data");
  EXPECT_EQ(little->events()[0].metadata, "{}");
  EXPECT_EQ(little->events()[0].content_type, "application/json");
  EXPECT_EQ(little->events()[0].key, "1");
}

TEST_F(HotTailTest, SendsThoseWhoAreFarBehindToTheTable) {
  HotTail tail = make();
  log_.append(20'000);
  EXPECT_EQ(tail.read_after(Position{10}, {}, {}, log_.head()).value(), std::nullopt);
  EXPECT_NE(tail.read_after(Position{19'000}, {}, {}, log_.head()).value(), std::nullopt);
  EXPECT_EQ(tail.read_after(Position{18'999}, {}, {}, log_.head()).value(), std::nullopt);  // before its begin
}

TEST_F(HotTailTest, IsBoundedInBytes) {
  HotTail tail = make(4'000);
  Position at{0};
  for (int round = 0; round < 200; ++round) {
    log_.append(2);
    follow(tail, at);
    at = log_.head();
    EXPECT_LE(tail.size_bytes(), 4'000u);
  }
  EXPECT_EQ(tail.read_after(Position{0}, {}, {}, log_.head()).value(), std::nullopt);
}

TEST_F(HotTailTest, SaysWhenThereIsNothing) {
  HotTail tail = make();
  log_.append(2);
  follow(tail, Position{0});
  const auto page = tail.read_after(Position{2}, {}, {}, Position{2});
  ASSERT_TRUE(page && *page);
  EXPECT_TRUE((*page)->events->empty());
  EXPECT_EQ((*page)->reached, Position{2});
}

TEST_F(HotTailTest, TellsEachFollowerThatTheLogIsAwayAndGoesOnWhenItIsBack) {
  HotTail tail = make();
  log_.append(2);
  log_.set_broken(true);
  EXPECT_FALSE(tail.read_after(Position{0}, {}, {}, Position{2}));
  log_.set_broken(false);
  EXPECT_EQ(follow(tail, Position{0}).size(), 2u);
}

TEST_F(HotTailTest, LeavesNobodyWaitingForAReadThatThrew) {
  HotTail tail = make();
  log_.append(2);
  std::promise<std::size_t> seen;
  std::jthread other;
  log_.set_while_read([&] {
    other = std::jthread([&] { seen.set_value(follow(tail, Position{0}).size()); });
    throw std::bad_alloc();
  });
  EXPECT_THROW((void)tail.read_after(Position{0}, {}, {}, log_.head()), std::bad_alloc);
  auto answer = seen.get_future();
  ASSERT_EQ(answer.wait_for(std::chrono::seconds(10)), std::future_status::ready);
  EXPECT_EQ(answer.get(), 2u);
}

TEST_F(HotTailTest, ForgetsWhatAFailoverHasLost) {
  HotTail tail = make();
  log_.append(5);
  follow(tail, Position{0});
  log_.lose_beyond(3);
  log_.append(4, "user");
  // Whoever reads on at the end of the ring finds out.
  ASSERT_TRUE(tail.read_after(Position{5}, {}, {}, log_.head()));
  const auto table = tail.read_after(Position{3}, {}, {}, log_.head());
  ASSERT_TRUE(table);
  EXPECT_FALSE(*table && !(*table)->events->empty() && (*table)->events->events()[0].category == "order");
}

TEST_F(HotTailTest, HandsOutNothingOfALogThatItsCallerKnowsToBeGone) {
  HotTail tail = make();
  log_.append(5);
  follow(tail, Position{0});
  log_.lose_beyond(3);
  log_.append(1, "user");
  const auto page = tail.read_after(Position{3}, {}, {}, {log_.head(), 1});
  ASSERT_TRUE(page && *page);
  ASSERT_EQ((*page)->events->size(), 1u);
  EXPECT_EQ((*page)->events->events()[0].category, "user");
  EXPECT_EQ(tail.read_after(Position{3}, {}, {}, {log_.head(), 0}).value(), std::nullopt)
      << "who is late reads the table";
}

TEST_F(HotTailTest, LosesAndRepeatsNothingBetweenRingAndTable) {
  constexpr int kEvents = 4'000, kFollowers = 6;
  const std::uint64_t seed = tests::seed_of_this_run();
  HotTail tail = make(3'000);
  std::vector<std::jthread> threads;
  for (int follower = 0; follower < kFollowers; ++follower) {
    threads.emplace_back([&, follower] {
      std::mt19937_64 random(seed + static_cast<std::uint64_t>(follower));
      const LogFilter filter = follower % 2 == 0 ? LogFilter{} : LogFilter{.categories = {"order"}};
      std::vector<std::int64_t> seen;
      Position after{0};
      while (after.value < kEvents) {
        const ReadLimit limit{.events = 1 + random() % 20};
        auto page = tail.read_after(after, limit, filter, log_.head());
        ASSERT_TRUE(page);
        if (!*page) {
          const auto loaded = log_.read(after, limit);
          for (const Event& event : loaded->page.events->events())
            if (filter.admits(event)) seen.push_back(event.position->value);
          after = loaded->page.reached;
        } else {
          for (const Event& event : (*page)->events->events()) seen.push_back(event.position->value);
          ASSERT_GE((*page)->reached, after);
          after = (*page)->reached;
        }
        for (auto pause = random() % (follower < 2 ? 1 : 400); pause > 0; --pause) std::this_thread::yield();
      }
      std::vector<std::int64_t> expected;
      for (std::int64_t at = 1; at <= kEvents; ++at)
        if (follower % 2 == 0 || at % 4 != 0) expected.push_back(at);
      EXPECT_EQ(seen, expected);
    });
  }
  for (int at = 1; at <= kEvents; ++at) {
    log_.append(1, at % 4 == 0 ? "user" : "order");
    if (at % 50 == 0) std::this_thread::yield();
  }
}

}  // namespace
}  // namespace penstock::store
