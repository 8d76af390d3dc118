// Late commits without mercy: writers that sleep before they commit, roll back, or leave their transaction
// prepared, and a source that is opened again and again. Nothing is lost, each key is in order, and nothing
// that was settled comes again, under every policy.
//
// PENSTOCK_TORTURE_SECONDS (10) and PENSTOCK_TORTURE_WRITERS (8) make it longer and wider.
#include <unistd.h>

#include <cstdlib>
#include <map>
#include <set>
#include <thread>

#include "tests/integration/outbox/outbox_fixture.h"
#include "tests/support/seeded_random.h"

namespace penstock::tests {
namespace {

using outbox::KeepRows;
using outbox::MarkRows;
using outbox::Policy;

int number_in_environment(const char* name, int otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::atoi(text);
}

// Writers that hold a lock on their key from before they draw a number until they commit, so that the
// order of a key is the order of its numbers; everything else is as random as it gets.
class Storm {
 public:
  Storm(const std::string& url, std::uint64_t seed, bool may_prepare, Deadline until)
      : url_(url), may_prepare_(may_prepare), until_(until) {
    const int writers = number_in_environment("PENSTOCK_TORTURE_WRITERS", 8);
    for (int i = 0; i < writers; ++i)
      threads_.emplace_back([this, i, seed] { write(i, seed + static_cast<std::uint64_t>(i)); });
  }
  bool is_over() const { return writing_ == 0; }

 private:
  void write(int writer, std::uint64_t seed) {
    SeededRandom random(seed);
    Writer session(url_);
    for (int turn = 0; !until_.expired(); ++turn) {
      const std::string key = std::to_string(random.below(5));
      session.run("BEGIN");
      session.run("SELECT pg_advisory_xact_lock(" + key + ")");
      for (std::uint64_t row = random.below(4); row <= 3; ++row) session.insert(key, turn);
      if (random.below(4) == 0) session.run("SELECT pg_sleep(" + std::to_string(random.below(200)) + " * 0.001)");
      const bool rolls_back = random.below(5) == 0;
      if (may_prepare_ && random.below(10) == 0) {
        const std::string name = "'storm_" + std::to_string(::getpid()) + "_" + std::to_string(writer) + "_" +
                                 std::to_string(turn) + "_" + key + "'";
        session.run("PREPARE TRANSACTION " + name);
        session.run("SELECT pg_sleep(0.05)");
        session.run((rolls_back ? "ROLLBACK PREPARED " : "COMMIT PREPARED ") + name);
      } else {
        session.run(rolls_back ? "ROLLBACK" : "COMMIT");
      }
    }
    --writing_;
  }

  const std::string url_;
  const bool may_prepare_;
  const Deadline until_;
  std::atomic<int> writing_ = number_in_environment("PENSTOCK_TORTURE_WRITERS", 8);
  std::vector<std::jthread> threads_;
};

struct Case {
  std::string_view name;
  Policy policy;
};

// What came, and what it should have been.
class Arrivals {
 public:
  void take(const std::vector<connectors::ReadItem>& items) {
    for (const auto& item : items) {
      const std::int64_t number = std::stoll(std::string(item.event->source_position));
      EXPECT_FALSE(settled_.contains(number)) << number << " came again after it was settled";
      unsettled_.push_back(number);
      if (!seen_.insert(number).second) continue;
      std::int64_t& previous = last_[std::string(*item.event->key)];
      EXPECT_LT(previous, number) << "of key " << *item.event->key;
      previous = number;
    }
  }
  // Of the opening, in read order.
  std::size_t unsettled() const { return unsettled_.size(); }
  void settled(std::size_t count) {
    settled_.insert(unsettled_.begin(), unsettled_.begin() + static_cast<std::ptrdiff_t>(count));
    unsettled_.erase(unsettled_.begin(), unsettled_.begin() + static_cast<std::ptrdiff_t>(count));
  }
  void opening_ended() { unsettled_.clear(); }
  std::size_t distinct() const { return seen_.size(); }

 private:
  std::set<std::int64_t> seen_, settled_;
  std::vector<std::int64_t> unsettled_;
  std::map<std::string, std::int64_t> last_;
};

class OutboxTorture : public OutboxTest, public testing::WithParamInterface<Case> {
 protected:
  void SetUp() override {
    OutboxTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    use(", xid xid8 NOT NULL DEFAULT pg_current_xact_id(), state text NOT NULL DEFAULT 'new'");
    outbox().settings().policy = GetParam().policy;
    outbox().execute(
        "CREATE INDEX ON shop.outbox (xid, seq); CREATE TABLE shop.history (seq bigint);"
        " CREATE FUNCTION shop.note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " INSERT INTO shop.history VALUES (new.seq); RETURN new; END $$;"
        " CREATE TRIGGER note AFTER INSERT ON shop.outbox FOR EACH ROW EXECUTE FUNCTION shop.note()");
  }
};

// Pitfalls: "bigserial gaps / out-of-order commit when polling", "pollers skip rows that commit late".
TEST_P(OutboxTorture, LosesNothingAndKeepsTheOrderOfEveryKey) {
  const std::uint64_t seed = seed_of_this_run();
  SeededRandom random(seed);
  const bool may_prepare = outbox().value("SHOW max_prepared_transactions") != "0";
  const auto until = Deadline::in(std::chrono::seconds(number_in_environment("PENSTOCK_TORTURE_SECONDS", 10)));
  Storm storm(outbox().url(), seed, may_prepare, until);

  Arrivals arrivals;
  auto source = open();
  std::uint64_t mark = 0;
  for (bool last_round = false;;) {
    const bool was_over = storm.is_over();
    const auto items = read(*source, {37, 16 << 20, connectors::ReadRoom::Window::kInUse});
    arrivals.take(items);
    if (arrivals.unsettled() > 0 && (random.below(3) == 0 || was_over)) {
      const std::size_t count = was_over ? arrivals.unsettled() : 1 + random.below(arrivals.unsettled());
      mark += count;
      ASSERT_TRUE(source->settle(ReadMark{mark}));
      arrivals.settled(count);
    }
    if (!was_over && random.below(200) == 0) {
      source->close();
      ASSERT_TRUE(source->open({}, Deadline::in(std::chrono::seconds(10)), {}));
      arrivals.opening_ended();
      mark = 0;
    }
    if (items.empty() && last_round) break;
    // The mark may still have to move behind the last holders.
    last_round = items.empty() && was_over &&
                 std::to_string(arrivals.distinct()) == outbox().value("SELECT count(*) FROM shop.history");
    if (was_over && items.empty() && until.time() + std::chrono::seconds(20) < std::chrono::steady_clock::now()) break;
  }
  EXPECT_EQ(std::to_string(arrivals.distinct()), outbox().value("SELECT count(*) FROM shop.history"))
      << "seed " << seed;
  EXPECT_GT(arrivals.distinct(), 50U) << "a storm that does not blow shows nothing";
}

INSTANTIATE_TEST_SUITE_P(Policies, OutboxTorture,
                         testing::Values(Case{"Delete", outbox::DeleteRows{}}, Case{"Mark", MarkRows{"state", "sent"}},
                                         Case{"CursorWriters", KeepRows{KeepRows::Guard::kWriters, {}}},
                                         Case{"CursorXid", KeepRows{KeepRows::Guard::kXid, "xid"}}),
                         [](const auto& one) { return std::string(one.param.name); });

}  // namespace
}  // namespace penstock::tests
