#include "connectors/wal/transactions.h"

#include <gtest/gtest.h>

#include "tests/support/captured_wal.h"
#include "tests/support/peak_memory.h"
#include "tests/support/temporary_folder.h"

namespace penstock::wal {
namespace {

using tests::TemporaryFolder;
using Within = PgoutputDecoder::Within;
using Segment = StreamStartMessage::Segment;

Change event(std::string_view bytes) { return {Change::Kind::kEvent, Within::kTransaction, bytes}; }
Change relation(std::string_view bytes) { return {Change::Kind::kRelation, Within::kTransaction, bytes}; }

class TransactionsTest : public testing::Test {
 protected:
  std::string folder() { return folder_.path().string(); }
  TemporaryFolder folder_;
  Transactions transactions_{{1 << 20, folder_.path().string()}};
};

std::string all_of(Transaction& transaction) {
  std::string text;
  for (;;) {
    const auto change = transaction.next();
    if (!change) return text + "!" + change.error().message();
    if (!*change) return text;
    text.append((*change)->kind == Change::Kind::kRelation ? "R" : "").append((*change)->bytes).append(" ");
  }
}

TEST_F(TransactionsTest, GivesBackTheChangesOfATransactionInOrder) {
  ASSERT_TRUE(transactions_.begin(Xid{7}));
  ASSERT_TRUE(transactions_.add(relation("t"), std::nullopt));
  ASSERT_TRUE(transactions_.add(event("a"), std::nullopt));
  ASSERT_TRUE(transactions_.add(event("b"), std::nullopt));
  auto transaction = transactions_.commit(Lsn{100}, 5);
  ASSERT_TRUE(transaction);
  EXPECT_EQ(transaction->xid(), Xid{7});
  EXPECT_EQ(transaction->commit_end(), Lsn{100});
  EXPECT_EQ(transaction->events(), 2u);
  EXPECT_EQ(all_of(*transaction), "Rt a b ");
  EXPECT_EQ(transactions_.memory_bytes(), 0u);
}

TEST_F(TransactionsTest, KeepsAnEmptyTransactionForItsEnd) {
  ASSERT_TRUE(transactions_.begin(Xid{7}));
  auto transaction = transactions_.commit(Lsn{100}, 5);
  ASSERT_TRUE(transaction);
  EXPECT_EQ(transaction->events(), 0u);
  EXPECT_EQ(all_of(*transaction), "");
}

TEST_F(TransactionsTest, PutsInterleavedStreamsTogether) {
  for (const Segment segment : {Segment::kFirst, Segment::kLater}) {
    for (const Xid xid : {Xid{1}, Xid{2}}) {
      ASSERT_TRUE(transactions_.stream_start(xid, segment));
      ASSERT_TRUE(transactions_.add(event(std::to_string(xid.value)), xid));
      ASSERT_TRUE(transactions_.stream_stop());
    }
  }
  auto second = transactions_.stream_commit(Xid{2}, Lsn{100}, 0);
  auto first = transactions_.stream_commit(Xid{1}, Lsn{200}, 0);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(all_of(*second), "2 2 ");
  EXPECT_EQ(all_of(*first), "1 1 ");
}

// Pitfall: streamed chunks must be dropped on abort, sub-transaction aware.
TEST_F(TransactionsTest, DropsWhatASubTransactionRolledBack) {
  ASSERT_TRUE(transactions_.stream_start(Xid{1}, Segment::kFirst));
  ASSERT_TRUE(transactions_.add(event("a"), Xid{1}));
  ASSERT_TRUE(transactions_.add(relation("t"), Xid{2}));
  ASSERT_TRUE(transactions_.add(event("b"), Xid{2}));
  ASSERT_TRUE(transactions_.add(event("c"), Xid{3}));
  ASSERT_TRUE(transactions_.stream_stop());
  ASSERT_TRUE(transactions_.stream_abort(Xid{1}, Xid{2}));
  auto transaction = transactions_.stream_commit(Xid{1}, Lsn{100}, 0);
  ASSERT_TRUE(transaction);
  EXPECT_EQ(transaction->events(), 2u);
  // The relation counts: the server doesn't send it again in this transaction.
  EXPECT_EQ(all_of(*transaction), "a Rt c ");
}

TEST_F(TransactionsTest, DropsATransactionThatWasRolledBack) {
  ASSERT_TRUE(transactions_.stream_start(Xid{1}, Segment::kFirst));
  ASSERT_TRUE(transactions_.add(event("a"), Xid{1}));
  ASSERT_TRUE(transactions_.stream_stop());
  ASSERT_TRUE(transactions_.stream_abort(Xid{1}, Xid{1}));
  EXPECT_EQ(transactions_.memory_bytes(), 0u);
  EXPECT_FALSE(transactions_.stream_commit(Xid{1}, Lsn{100}, 0));
}

TEST_F(TransactionsTest, PutsAChangeLargerThanItsMemoryOnDiskAtOnceAndInItsPlace) {
  Transactions small({1'000, folder()});
  const std::string large(300'000, 'L'), fits(900, 'f');
  ASSERT_TRUE(small.begin(Xid{7}));
  for (const std::string_view bytes : {std::string_view("a"), std::string_view(large), std::string_view("b"),
                                       std::string_view(fits), std::string_view(large), std::string_view("c")}) {
    ASSERT_TRUE(small.add(event(bytes), std::nullopt));
    ASSERT_LE(small.memory_bytes(), 1'000u);
  }
  auto transaction = small.commit(Lsn{100}, 0);
  ASSERT_TRUE(transaction);
  EXPECT_EQ(transaction->events(), 6u);
  EXPECT_EQ(all_of(*transaction), "a " + large + " b " + fits + " " + large + " c ");
  EXPECT_EQ(small.memory_bytes(), 0u);
}

// Pitfall: large transactions exhaust memory.
TEST_F(TransactionsTest, KeepsLargeTransactionsOnDiskAndWithinItsMemory) {
  constexpr std::size_t kMemory = 64 << 10;
  Transactions small({kMemory, folder()});
  std::string expected[2];
  for (int round = 0; round < 40; ++round) {
    for (const unsigned xid : {0u, 1u}) {
      ASSERT_TRUE(small.stream_start(Xid{xid}, round == 0 ? Segment::kFirst : Segment::kLater));
      for (int i = 0; i < 50; ++i) {
        const std::string bytes = std::to_string(round * 50 + i) + std::string(100, 'x');
        ASSERT_TRUE(small.add(event(bytes), Xid{xid}));
        expected[xid] += bytes + " ";
        ASSERT_LE(small.memory_bytes(), kMemory + 200);
      }
      ASSERT_TRUE(small.stream_stop());
    }
  }
  for (const unsigned xid : {1u, 0u}) {
    auto transaction = small.stream_commit(Xid{xid}, Lsn{100 + xid}, 0);
    ASSERT_TRUE(transaction);
    EXPECT_EQ(transaction->events(), 2'000u);
    EXPECT_EQ(all_of(*transaction), expected[xid]);
  }
  EXPECT_EQ(small.memory_bytes(), 0u);
}

// A loop with a handler around each row makes each a sub-transaction.
TEST_F(TransactionsTest, KeepsAMillionSubTransactionsWithinItsMemory) {
  constexpr unsigned kSubs = 1'000'000;
  Transactions small({64 << 10, folder()});
  ASSERT_TRUE(small.stream_start(Xid{1}, Segment::kFirst));
  tests::forget_peak_memory();
  const std::size_t before = tests::peak_memory_kib();
  for (unsigned sub = 2; sub < kSubs + 2; ++sub) {
    ASSERT_TRUE(small.add(event("x"), Xid{sub}));
    ASSERT_LE(small.memory_bytes(), 66U << 10);
  }
  ASSERT_TRUE(small.stream_stop());
  for (unsigned sub = kSubs; sub >= 2; sub -= 1'000) {
    ASSERT_TRUE(small.stream_abort(Xid{1}, Xid{sub}));
    if (sub < 1'000) break;
  }
  auto transaction = small.stream_commit(Xid{1}, Lsn{100}, 0);
  ASSERT_TRUE(transaction);
  EXPECT_EQ(transaction->events(), kSubs - kSubs / 1'000);
  EXPECT_EQ(small.memory_bytes(), 0u);
  EXPECT_LT(tests::peak_memory_kib() - before, 4U << 10);
  std::uint64_t read = 0;
  for (auto change = transaction->next(); change && *change; change = transaction->next()) ++read;
  EXPECT_EQ(read, transaction->events());
}

// Events of one sub-transaction stand apart, in the file and not.
TEST_F(TransactionsTest, CountsEventsOfASubTransactionThatComesAgain) {
  for (const std::size_t memory : {std::size_t{1'000'000}, std::size_t{100}}) {
    Transactions some({memory, folder()});
    ASSERT_TRUE(some.stream_start(Xid{1}, Segment::kFirst));
    for (unsigned i = 0; i < 100; ++i) ASSERT_TRUE(some.add(event("x"), Xid{1 + i % 4}));
    ASSERT_TRUE(some.stream_stop());
    ASSERT_TRUE(some.stream_abort(Xid{1}, Xid{4}));
    ASSERT_TRUE(some.stream_abort(Xid{1}, Xid{3}));
    auto transaction = some.stream_commit(Xid{1}, Lsn{100}, 0);
    ASSERT_TRUE(transaction);
    EXPECT_EQ(transaction->events(), 50u);
    EXPECT_EQ(some.memory_bytes(), 0u);
  }
}

TEST_F(TransactionsTest, ReadsAChangeThatIsLargerThanOneReadOfTheFile) {
  Transactions small({1'000, folder()});
  const std::string large(1 << 20, 'y');
  ASSERT_TRUE(small.begin(Xid{1}));
  ASSERT_TRUE(small.add(event("a"), std::nullopt));
  ASSERT_TRUE(small.add(event(large), std::nullopt));
  ASSERT_TRUE(small.add(event("b"), std::nullopt));
  auto transaction = small.commit(Lsn{1}, 0);
  ASSERT_TRUE(transaction);
  EXPECT_EQ(all_of(*transaction), "a " + large + " b ");
}

TEST_F(TransactionsTest, SaysWhenTheFileCannotBeMade) {
  Transactions nowhere({10, folder() + "/missing"});
  ASSERT_TRUE(nowhere.begin(Xid{1}));
  const Status added = nowhere.add(event("a change that does not fit"), std::nullopt);
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error().code().name, "wal.spill_failed");
}

TEST_F(TransactionsTest, RefusesWhatMakesNoSense) {
  EXPECT_FALSE(transactions_.add(event("a"), std::nullopt));
  EXPECT_FALSE(transactions_.stream_stop());
  EXPECT_FALSE(transactions_.commit(Lsn{1}, 0));
  EXPECT_FALSE(transactions_.stream_commit(Xid{1}, Lsn{1}, 0));
  EXPECT_FALSE(transactions_.stream_abort(Xid{1}, Xid{1}));
  EXPECT_FALSE(transactions_.stream_start(Xid{1}, Segment::kLater));
  ASSERT_TRUE(transactions_.begin(Xid{1}));
  EXPECT_FALSE(transactions_.begin(Xid{2}));
  EXPECT_FALSE(transactions_.stream_start(Xid{2}, Segment::kFirst));
}

}  // namespace
}  // namespace penstock::wal
