#include <atomic>
#include <future>
#include <map>
#include <set>
#include <thread>

#include "tests/contract/store/store_contract.h"

namespace penstock::tests {
namespace {

using store::NoStream;

// Runs `work(0)` … `work(n - 1)` at once and returns when all have ended.
template <typename Work>
void at_once(int n, Work work) {
  std::vector<std::jthread> threads;
  for (int i = 0; i < n; ++i) threads.emplace_back([&work, i] { work(i); });
}

// Positions 1..n without a gap, and ascending versions from 0 within each stream.
void expect_sound_log(const std::vector<EventRef>& log, std::size_t events) {
  ASSERT_EQ(log.size(), events);
  std::map<std::string_view, std::int64_t> next_version;
  for (std::size_t i = 0; i < log.size(); ++i) {
    ASSERT_EQ(log[i]->position, Position{static_cast<std::int64_t>(i) + 1});
    ASSERT_EQ(log[i]->version->value, next_version[log[i]->stream]++) << log[i]->stream;
  }
}

TEST_P(ConcurrencyContract, StoresConcurrentIdenticalAppendsOnce) {
  std::atomic<int> written = 0, known = 0;
  at_once(8, [&](int) {
    const auto answer = append(lettered("order-1", "abc", NoStream{}));
    ASSERT_TRUE(answer) << answer.error().describe();
    EXPECT_EQ(answer->first_position, Position{1});
    ++(answer->origin == store::AppendReceipt::Origin::kWritten ? written : known);
  });
  EXPECT_EQ(written, 1);
  EXPECT_EQ(known, 7);
  expect_sound_log(read_log(), 3);
}

TEST_P(ConcurrencyContract, LetsOneOfManyWithTheSameExpectedVersionWin) {
  fill("order-1", 1);
  std::atomic<int> won = 0, lost = 0;
  at_once(8, [&](int) {
    const auto answer = append(request({event({.stream = "order-1"})}, Version{0}));
    if (!answer) {
      EXPECT_EQ(code_of(answer), "store.wrong_expected_version");
    }
    ++(answer ? won : lost);
  });
  EXPECT_EQ(won, 1);
  EXPECT_EQ(lost, 7);
}

TEST_P(ConcurrencyContract, KeepsTheOrderOfAppendMany) {
  std::vector<store::AppendRequest> requests;
  for (int i = 0; i < 300; ++i) requests.push_back(request({event({.stream = "order-" + std::to_string(i % 7)})}));
  std::vector<std::int64_t> positions(requests.size());
  std::promise<void> answered;
  std::size_t left = requests.size();
  std::jthread other([this] {
    for (int i = 0; i < 20; ++i) EXPECT_TRUE(append(request({event({.stream = "other-1"})})));
  });
  store().events().append_many(std::move(requests), soon(), [&](std::size_t index, auto answer) {
    if (answer) positions[index] = answer->first_position.value;
    if (--left == 0) answered.set_value();
  });
  answered.get_future().get();
  other.join();
  EXPECT_TRUE(std::is_sorted(positions.begin(), positions.end()));
  EXPECT_EQ(std::set(positions.begin(), positions.end()).size(), positions.size());
  expect_sound_log(read_log(), 320);
}

TEST_P(ConcurrencyContract, LetsABadRequestHinderNoOther) {
  std::vector<store::AppendRequest> requests;
  requests.push_back(request({event({.stream = "order-1"})}));
  requests.push_back(request({event({.stream = "order-1"})}, NoStream{}));
  requests.push_back(request({event({.stream = "all"})}));
  requests.push_back(request({event({.stream = "order-1"})}, Version{0}));
  std::vector<std::string> codes(requests.size());
  std::promise<void> answered;
  std::atomic<std::size_t> left = requests.size();
  store().events().append_many(std::move(requests), soon(), [&](std::size_t index, auto answer) {
    codes[index] = code_of(answer);
    if (--left == 0) answered.set_value();
  });
  answered.get_future().get();
  EXPECT_EQ(codes, (std::vector<std::string>{"ok", "store.wrong_expected_version", "store.reserved_name", "ok"}));
  expect_sound_log(read_log(), 2);
}

TEST_P(ConcurrencyContract, KeepsOneLogForTwoPrograms) {
  const auto other = open_another();
  at_once(6, [&](int i) {
    store::EventStore& events = i % 2 == 0 ? store().events() : other->events();
    for (int n = 0; n < 25; ++n) {
      const std::string stream = "order-" + std::to_string(n % 5);
      const auto answer = events.append_and_wait(request({event({.stream = stream})}), soon());
      ASSERT_TRUE(answer) << answer.error().describe();
    }
  });
  expect_sound_log(read_log(), 150);
}

TEST_P(ConcurrencyContract, LetsOneOfTwoProgramsCreateAStream) {
  const auto other = open_another();
  for (int round = 0; round < 20; ++round) {
    const std::string stream = "order-" + std::to_string(round);
    std::atomic<int> won = 0;
    at_once(2, [&](int i) {
      store::EventStore& events = i == 0 ? store().events() : other->events();
      won += events.append_and_wait(request({event({.stream = stream})}, NoStream{}), soon()).has_value();
    });
    EXPECT_EQ(won, 1) << stream;
  }
}

// Two publishers of two programs and a follower that polls: nothing is missed.
TEST_P(ConcurrencyContract, ShowsAFollowerEverythingThatTwoPublishersAppend) {
  constexpr int kRuns = 30, kEach = 20;
  const auto other = open_another();
  const auto reader = open_another();
  std::vector<EventRef> followed;
  for (int run = 0; run < kRuns; ++run) {
    std::jthread publishers([&] {
      at_once(2, [&](int i) {
        store::EventStore& events = i == 0 ? store().events() : other->events();
        for (int n = 0; n < kEach; ++n) {
          const std::string stream = "order-" + std::to_string(n % 3);
          ASSERT_TRUE(events.append_and_wait(request({event({.stream = stream})}), soon()));
        }
      });
    });
    const std::size_t expected = static_cast<std::size_t>(run + 1) * 2 * kEach;
    const Deadline deadline = soon();
    while (followed.size() < expected && !deadline.expired()) {
      const Position after{static_cast<std::int64_t>(followed.size())};
      const auto page = reader->log().read_after(after, {.events = 7}, {});
      ASSERT_TRUE(page) << page.error().describe();
      for (EventRef& read : refs_of(page->events)) followed.push_back(std::move(read));
    }
    ASSERT_EQ(followed.size(), expected) << "run " << run;
  }
  expect_sound_log(followed, kRuns * 2 * kEach);
}

TEST_P(ConcurrencyContract, ShowsEveryReaderTheSameOrder) {
  constexpr int kReaders = 4, kEach = 50;
  constexpr std::size_t kAll = 2 * kEach;
  const std::vector<std::string> streams = {"order-0", "order-1", "order-2"};
  const auto other = open_another();
  std::vector<std::unique_ptr<store::Store>> readers;
  for (int i = 0; i < kReaders; ++i) readers.push_back(open_another());
  std::vector<std::vector<EventId>> seen(kReaders);
  at_once(2 + kReaders, [&](int i) {
    if (i < 2) {
      store::EventStore& events = i == 0 ? store().events() : other->events();
      for (int n = 0; n < kEach; ++n)
        ASSERT_TRUE(
            events.append_and_wait(request({event({.stream = streams[static_cast<std::size_t>(n % 3)]})}), soon()));
      return;
    }
    const auto reader = static_cast<std::size_t>(i - 2);
    const Deadline deadline = soon();
    for (Position at{0}; seen[reader].size() < kAll && !deadline.expired();) {
      // Each with pages of its own size.
      const auto page = readers[reader]->log().read_after(at, {.events = 1 + reader * 5}, {});
      ASSERT_TRUE(page) << page.error().describe();
      for (const Event& read : page->events->events()) seen[reader].push_back(read.id);
      at = page->reached;
    }
  });
  std::vector<EventId> order;
  for (const EventRef& read : read_log()) order.push_back(read->id);
  ASSERT_EQ(order.size(), kAll);
  for (const auto& each : seen) EXPECT_EQ(each, order);
}

}  // namespace
}  // namespace penstock::tests
