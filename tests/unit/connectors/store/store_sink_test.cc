#include "connectors/store/store_sink.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <stop_token>
#include <thread>

#include "connectors/message.h"
#include "tests/support/eventually.h"
#include "tests/support/manual_clock.h"
#include "tests/support/memory_store.h"
#include "tests/support/recording_log.h"

namespace penstock::connectors {
namespace {

using tests::MemoryDatabase;
using tests::MemoryStore;
using tests::StoreCall;

constexpr std::chrono::seconds kLong{30};

EventId id_of(std::uint8_t number) {
  std::array<std::uint8_t, 16> bytes{};
  bytes.back() = number;
  return EventId(bytes);
}

class NotedOutcomes final : public OutcomeListener {
 public:
  void report(std::span<const DeliveryReport> reports) override {
    std::lock_guard lock(mutex_);
    ++batches_;
    for (const DeliveryReport& report : reports) {
      codes_[report.ticket.value] = report.error ? std::string(report.error->code().name) : "";
      outcomes_[report.ticket.value] = report.outcome;
      ++reported_;
    }
  }
  void sink_changed() override {}

  // "d" delivered, "r" retryable, "x" rejected, "-" not reported, by ticket from 1.
  std::string outcomes(std::size_t count) {
    std::lock_guard lock(mutex_);
    std::string letters;
    for (std::uint64_t ticket = 1; ticket <= count; ++ticket) {
      const auto found = outcomes_.find(ticket);
      letters += found == outcomes_.end()               ? '-'
                 : found->second == Outcome::kDelivered ? 'd'
                 : found->second == Outcome::kRetryable ? 'r'
                                                        : 'x';
    }
    return letters;
  }
  std::string code(std::uint64_t ticket) {
    std::lock_guard lock(mutex_);
    return codes_[ticket];
  }
  std::size_t reported() {
    std::lock_guard lock(mutex_);
    return reported_;
  }
  std::size_t batches() {
    std::lock_guard lock(mutex_);
    return batches_;
  }

 private:
  std::mutex mutex_;
  std::map<std::uint64_t, Outcome> outcomes_;
  std::map<std::uint64_t, std::string> codes_;
  std::size_t reported_ = 0, batches_ = 0;
};

// Lets the batches of a store pass one by one, or holds them.
class Gate {
 public:
  void hold() {
    std::lock_guard lock(mutex_);
    open_ = false;
  }
  void open() {
    {
      std::lock_guard lock(mutex_);
      open_ = true;
    }
    changed_.notify_all();
  }
  void pass() {
    std::unique_lock lock(mutex_);
    ++waiting_;
    changed_.notify_all();
    changed_.wait_for(lock, kLong, [this] { return open_; });
  }
  void wait_until_reached(std::size_t times) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, kLong, [this, times] { return waiting_ >= times; });
  }
  std::size_t passed() {
    std::lock_guard lock(mutex_);
    return waiting_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = true;
  std::size_t waiting_ = 0;
};

class StoreSinkTest : public ::testing::Test {
 protected:
  StoreSinkTest() {
    database_->set_faults({.before = [this](StoreCall call) -> std::optional<Error> {
      if (call != StoreCall::kAppend) return std::nullopt;
      gate_.pass();
      return lost_session_.exchange(false) ? std::optional(Error(codes::kStoreUnavailable, "lost")) : std::nullopt;
    }});
    open();
  }
  ~StoreSinkTest() override { gate_.open(); }

  void open() { ASSERT_TRUE(sink_->open(Deadline::in(kLong), {})); }
  Submitted submit(int id, std::string_view stream = "a-1", std::string_view data = "1",
                   std::string_view category = "a") {
    MessageBuilder builder(make_event({.id = id_of(static_cast<std::uint8_t>(id)),
                                       .stream = stream,
                                       .category = category,
                                       .type = "t",
                                       .data = data}));
    messages_.push_back(std::move(builder).finish());
    return sink_->submit(Ticket{++last_ticket_}, messages_.back());
  }
  void settle() { ASSERT_EQ(sink_->drain(Deadline::in(kLong)), Sink::Drained::kAll); }
  std::string log() {
    std::string ids;
    const auto page = store_.log().read_after(Position{0}, {}, {});
    for (const Event& event : page->events->events()) ids += static_cast<char>('0' + event.id.bytes().back());
    return ids;
  }

  tests::ManualClock clock_;
  tests::RecordingLog words_;
  Gate gate_;
  std::atomic<bool> lost_session_ = false;
  std::shared_ptr<MemoryDatabase> database_ = std::make_shared<MemoryDatabase>(clock_);
  MemoryStore store_{database_};
  NotedOutcomes outcomes_;
  std::unique_ptr<Sink> sink_ = make_store_sink({store_.events(), store_.log(), store_.gaps()}, outcomes_, words_,
                                                {.route = "r", .held_bytes = 64 << 10});
  std::deque<Message> messages_;
  std::uint64_t last_ticket_ = 0;
};

TEST_F(StoreSinkTest, AppendsInTheOrderOfSubmission) {
  for (const int id : {1, 2, 3}) submit(id);
  settle();
  EXPECT_EQ(outcomes_.outcomes(3), "ddd");
  EXPECT_EQ(log(), "123");
}

TEST_F(StoreSinkTest, GivesUpOpeningWhenItIsStopped) {
  gate_.hold();
  submit(1);
  sink_->flush();
  gate_.wait_until_reached(1);
  std::stop_source stop;
  std::jthread stopper([&] { stop.request_stop(); });
  const Status opened = sink_->open(Deadline::in(kLong), stop.get_token());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code().name, "core.stopped");
}

TEST_F(StoreSinkTest, SendsNothingBeforeTheFlush) {
  submit(1);
  EXPECT_EQ(outcomes_.outcomes(1), "-");
  EXPECT_EQ(gate_.passed(), 0u);
  sink_->flush();
  settle();
  EXPECT_EQ(outcomes_.outcomes(1), "d");
}

TEST_F(StoreSinkTest, CountsAKnownEventWithTheSameBytesAsDelivered) {
  submit(1);
  settle();
  submit(1);
  settle();
  EXPECT_EQ(outcomes_.outcomes(2), "dd");
  EXPECT_EQ(log(), "1");
}

TEST_F(StoreSinkTest, RejectsAKnownIdWithOtherBytes) {
  submit(1);
  settle();
  submit(1, "a-1", "2");
  settle();
  EXPECT_EQ(outcomes_.outcomes(2), "dx");
  EXPECT_EQ(outcomes_.code(2), "store.id_reused");
}

TEST_F(StoreSinkTest, DeliversNothingOfAStreamBehindARejectedEvent) {
  submit(1);
  submit(2, "a-1", "1", "another");
  submit(3);
  settle();
  EXPECT_EQ(outcomes_.outcomes(3), "dxr");
  EXPECT_EQ(outcomes_.code(2), "store.category_mismatch");
  EXPECT_EQ(outcomes_.code(3), "store.held_back");
  EXPECT_EQ(sink_->state().phase, SinkState::Phase::kBroken);
  EXPECT_EQ(log(), "1");
}

TEST_F(StoreSinkTest, KeepsTheOrderOverALostSession) {
  gate_.hold();
  submit(1);
  sink_->flush();
  gate_.wait_until_reached(1);
  submit(2);
  sink_->flush();
  lost_session_ = true;
  gate_.open();
  settle();
  EXPECT_EQ(outcomes_.outcomes(2), "rr");
  EXPECT_EQ(sink_->state().phase, SinkState::Phase::kBroken);
  open();
  submit(1);
  submit(2);
  settle();
  EXPECT_EQ(outcomes_.outcomes(4), "rrdd");
  EXPECT_EQ(log(), "12");
}

TEST_F(StoreSinkTest, SendsAnAppendInDoubtAgainWithoutADuplicate) {
  database_->set_faults({.after = [](StoreCall call) -> std::optional<Error> {
    if (call == StoreCall::kAppend) return Error(codes::kStoreInDoubt, "lost");
    return std::nullopt;
  }});
  submit(1);
  settle();
  EXPECT_EQ(outcomes_.outcomes(1), "r");
  database_->set_faults({});
  open();
  submit(1);
  settle();
  EXPECT_EQ(outcomes_.outcomes(2), "rd");
  EXPECT_EQ(log(), "1");
}

TEST_F(StoreSinkTest, AppendsWhatGathersMeanwhileInOneGroup) {
  gate_.hold();
  submit(1);
  sink_->flush();
  gate_.wait_until_reached(1);
  for (const int id : {2, 3, 4, 5}) {
    submit(id);
    sink_->flush();
  }
  gate_.open();
  settle();
  EXPECT_EQ(log(), "12345");
  EXPECT_EQ(gate_.passed(), 2u);
}

TEST_F(StoreSinkTest, ReportsOutcomesInBatches) {
  for (int i = 0; i < 60; ++i) submit(i + 1);
  settle();
  EXPECT_EQ(outcomes_.reported(), 60u);
  EXPECT_EQ(outcomes_.batches(), 1u);
}

TEST_F(StoreSinkTest, IsFullBeyondItsBytes) {
  const std::string large(40 << 10, 'x');
  EXPECT_EQ(submit(1, "a-1", large), Submitted::kAccepted);
  EXPECT_EQ(submit(2, "a-1", large), Submitted::kFull);
  settle();
  EXPECT_EQ(submit(2, "a-1", large), Submitted::kAccepted);
}

TEST_F(StoreSinkTest, TakesOneEventHoweverLarge) {
  EXPECT_EQ(submit(1, "a-1", std::string(100 << 10, 'x')), Submitted::kAccepted);
}

TEST_F(StoreSinkTest, GivesBackWhatItHasNotSentWhenItLosesTheRight) {
  gate_.hold();
  submit(1);
  sink_->flush();
  gate_.wait_until_reached(1);
  submit(2);
  sink_->abandon();
  EXPECT_EQ(outcomes_.outcomes(2), "-r");
  EXPECT_EQ(submit(3), Submitted::kFull);
  gate_.open();
  settle();
  EXPECT_EQ(outcomes_.outcomes(2), "rr");
  EXPECT_EQ(sink_->state().phase, SinkState::Phase::kClosed);
}

TEST_F(StoreSinkTest, ReportsNothingAfterItsEnd) {
  gate_.hold();
  submit(1);
  sink_->flush();
  gate_.wait_until_reached(1);
  sink_.reset();
  gate_.open();
  EXPECT_EQ(outcomes_.outcomes(1), "-");
}

TEST_F(StoreSinkTest, GivesUpADrainAtItsDeadline) {
  gate_.hold();
  submit(1);
  EXPECT_EQ(sink_->drain(Deadline::in(std::chrono::milliseconds(1))), Sink::Drained::kNotAll);
}

TEST_F(StoreSinkTest, DoesNotOpenWhileTheStoreIsAway) {
  database_->go_away();
  const Status opened = sink_->open(Deadline::in(kLong), {});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind(), ErrorKind::kUnavailable);
}

class StoreSinkAfterAFailover : public StoreSinkTest {
 protected:
  // Three events are acknowledged, and the last two are lost.
  void SetUp() override {
    for (const int id : {1, 2, 3}) submit(id);
    settle();
    database_->lose_events_beyond(Position{1});
    database_->raise_incarnation();
  }
  // Until the sink has noticed.
  Status open_again() {
    EXPECT_TRUE(tests::eventually([this] { return sink_->state().phase == SinkState::Phase::kBroken; }));
    return sink_->open(Deadline::in(kLong), {});
  }
};

TEST_F(StoreSinkAfterAFailover, NamesWhatWasAcknowledgedAndWaitsForAnOperator) {
  EXPECT_EQ(open_again().error().code().name, codes::kRelayLostTail.name);
  const auto gaps = store_.gaps().list(0, 10);
  ASSERT_EQ(gaps->size(), 1u);
  EXPECT_EQ(gaps->front().route, "r");
  EXPECT_EQ(gaps->front().events, (std::vector{id_of(2), id_of(3)}));
  EXPECT_EQ(words_.count(LogLevel::kError), 1u);
  EXPECT_EQ(sink_->open(Deadline::in(kLong), {}).error().code().name, codes::kRelayLostTail.name);
  ASSERT_TRUE(store_.gaps().acknowledge(gaps->front().number, "operator"));
  open();
  submit(4);
  settle();
  EXPECT_EQ(outcomes_.outcomes(4), "dddd");
  EXPECT_EQ(log(), "14");
}

// The log becomes another one while an append is on its way to it.
class StoreSinkDuringAFailover : public StoreSinkTest {
 protected:
  void submit_during(int id, const std::function<void()>& fail_over) {
    gate_.hold();
    const std::size_t reached = gate_.passed() + 1;
    submit(id);
    sink_->flush();
    gate_.wait_until_reached(reached);
    fail_over();
    database_->raise_incarnation();
    gate_.open();
    settle();
  }
};

TEST_F(StoreSinkDuringAFailover, WritesNothingToTheNewLogBeforeItHasCompared) {
  for (const int id : {1, 2, 3}) submit(id);
  settle();
  submit_during(4, [this] { database_->lose_events_beyond(Position{1}); });
  EXPECT_EQ(outcomes_.code(4), codes::kStoreFenced.name);
  EXPECT_EQ(outcomes_.outcomes(4), "dddr");
  EXPECT_EQ(log(), "1");
}

TEST_F(StoreSinkDuringAFailover, GoesOnWhereNothingWasLost) {
  submit(1);
  settle();
  submit_during(2, [] {});
  open();
  submit(2);
  settle();
  EXPECT_EQ(outcomes_.outcomes(3), "drd");
  EXPECT_EQ(log(), "12");
  EXPECT_TRUE(store_.gaps().list(0, 10)->empty());
}

TEST_F(StoreSinkTest, GoesOnOverALostTailWhereItMay) {
  sink_ = make_store_sink({store_.events(), store_.log(), store_.gaps()}, outcomes_, words_,
                          {.route = "r", .on_lost_tail = OnLostTail::kContinue});
  open();
  for (const int id : {1, 2}) submit(id);
  settle();
  database_->lose_events_beyond(Position{1});
  open();
  submit(3);
  settle();
  EXPECT_EQ(store_.gaps().list(0, 10)->front().events, std::vector{id_of(2)});
  EXPECT_EQ(log(), "13");
}

}  // namespace
}  // namespace penstock::connectors
