#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <map>
#include <sstream>

#include "tests/integration/sqlite/raw_file.h"
#include "tests/support/other_program.h"
#include "tests/support/seeded_random.h"

namespace penstock::tests {
namespace {

// Everything that it prints until it ends.
std::vector<std::int64_t> positions_of(OtherProgram& program) {
  std::istringstream words(program.all_output());
  std::vector<std::int64_t> found;
  for (std::int64_t position = 0; words >> position;) found.push_back(position);
  return found;
}

class SqliteTwoPrograms : public testing::Test {
 protected:
  SqliteTwoPrograms() { open_migrated(path_); }

  OtherProgram appending(const std::string& name, int count, const std::string& failpoint = {}) {
    return OtherProgram({PENSTOCK_APPENDING_PROGRAM, "append", path_, name, std::to_string(count)}, failpoint);
  }

  // Positions 1..n without a gap, versions ascending in each stream; returns n.
  std::int64_t expect_sound_log() {
    const auto store = open_file(path_);
    Position at{0};
    std::map<std::string, std::int64_t> next_version;
    for (;;) {
      const auto page = store->log().read_after(at, {}, {});
      if (!page) {
        ADD_FAILURE() << page.error().describe();
        return -1;
      }
      for (const Event& event : page->events->events()) {
        at = at.next();
        EXPECT_EQ(*event.position, at);
        EXPECT_EQ(event.version->value, next_version[std::string(event.stream)]++) << event.stream;
      }
      if (page->events->empty()) break;
    }
    EXPECT_EQ(store->events().counts()->events, static_cast<std::uint64_t>(at.value));
    EXPECT_EQ(store->events().counts()->streams, next_version.size());
    return at.value;
  }

  TemporaryFolder folder_;
  const std::string path_ = folder_.file("penstock.db");
};

TEST_F(SqliteTwoPrograms, KeepOneLogWithoutGaps) {
  auto a = appending("a", 150), b = appending("b", 150);
  const std::size_t acknowledged = positions_of(a).size() + positions_of(b).size();
  EXPECT_EQ(a.wait(), 0);
  EXPECT_EQ(b.wait(), 0);
  EXPECT_EQ(expect_sound_log(), static_cast<std::int64_t>(acknowledged));
}

TEST_F(SqliteTwoPrograms, LoseNothingAcknowledgedWhenKilledAtAnyMoment) {
  SeededRandom random(seed_of_this_run());
  std::size_t acknowledged = 0;
  for (int round = 0; round < 6; ++round) {
    auto a = appending("a" + std::to_string(round) + "-", 100'000), b = appending("b", 20);
    ASSERT_TRUE(a.wait_for_lines(1 + random.below(30)));
    a.kill(SIGKILL);
    EXPECT_TRUE(WIFSIGNALED(a.wait()));
    acknowledged += positions_of(a).size() + positions_of(b).size();
    // At most the one append in flight is there without having been acknowledged.
    const std::int64_t head = expect_sound_log();
    EXPECT_GE(head, static_cast<std::int64_t>(acknowledged));
    EXPECT_LE(head, static_cast<std::int64_t>(acknowledged) + 1);
    acknowledged = static_cast<std::size_t>(head);
  }
}

TEST_F(SqliteTwoPrograms, LeaveNothingBehindWhenKilledBeforeTheCommit) {
  auto killed = appending("a", 100, "store.append_before_commit:5");
  EXPECT_EQ(positions_of(killed).size(), 4u);
  EXPECT_EQ(WTERMSIG(killed.wait()), SIGKILL);
  EXPECT_EQ(expect_sound_log(), 4);
  auto next = appending("b", 3);
  EXPECT_EQ(positions_of(next), (std::vector<std::int64_t>{5, 6, 7}));
}

TEST_F(SqliteTwoPrograms, KeepWhatWasCommittedWhenKilledBeforeTheAnswer) {
  auto killed = appending("a", 100, "store.append_after_commit:5");
  EXPECT_EQ(positions_of(killed).size(), 4u);
  EXPECT_EQ(WTERMSIG(killed.wait()), SIGKILL);
  EXPECT_EQ(expect_sound_log(), 5);
}

TEST_F(SqliteTwoPrograms, KeepTheOldCheckpointWhenKilledInsideItsTransaction) {
  auto first = appending("a", 1);
  positions_of(first);
  OtherProgram killed({PENSTOCK_APPENDING_PROGRAM, "checkpoint", path_}, "store.checkpoint_in_transaction");
  EXPECT_EQ(WTERMSIG(killed.wait()), SIGKILL);
  const auto store = open_file(path_);
  EXPECT_EQ((*store->checkpoints().load("a"))->position, Position{0});
  const auto lease = store->leases().take("route/a", "this-program");
  ASSERT_TRUE(lease) << lease.error().describe();
  EXPECT_TRUE(store->checkpoints().advance(*lease, "a", Position{0}, Position{1}));
}

TEST_F(SqliteTwoPrograms, FreeTheirLeasesAtOnceWhenKilled) {
  OtherProgram other({PENSTOCK_APPENDING_PROGRAM, "lease", path_, "route/a"});
  ASSERT_TRUE(other.wait_for_lines(1));
  const auto store = open_file(path_);
  EXPECT_EQ(store->leases().take("route/a", "this-program").error().code().name, "relay.standby");
  other.kill(SIGKILL);
  other.wait();
  const auto lease = store->leases().take("route/a", "this-program");
  ASSERT_TRUE(lease) << lease.error().describe();
  EXPECT_EQ(lease->epoch, Epoch{2});
}

TEST_F(SqliteTwoPrograms, LoseALeaseOnlyByTimeWhilePaused) {
  OtherProgram other({PENSTOCK_APPENDING_PROGRAM, "lease", path_, "route/a"});
  ASSERT_TRUE(other.wait_for_lines(1));
  other.kill(SIGSTOP);
  const auto store = open_file(path_);
  EXPECT_EQ(store->leases().take("route/a", "this-program").error().code().name, "relay.standby");
  RawFile(path_).execute("UPDATE leases SET expires_at = 0");
  const auto lease = store->leases().take("route/a", "this-program");
  ASSERT_TRUE(lease) << lease.error().describe();
  // The paused one still holds the file; its end must not make the new owner look gone.
  other.kill(SIGKILL);
  other.wait();
  EXPECT_EQ(open_file(path_)->leases().take("route/a", "a-third").error().code().name, "relay.standby");
  EXPECT_TRUE(store->leases().renew(*lease));
}

}  // namespace
}  // namespace penstock::tests
