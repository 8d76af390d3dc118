#include "connectors/wal/confirmation.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace penstock::wal {
namespace {

Lsn flushed(Confirmation& confirmation) {
  confirmation.stored(confirmation.progress());
  return confirmation.status().flush;
}

TEST(Confirmation, ConfirmsATransactionWhenItsLastEventIsSettled) {
  Confirmation confirmation(Progress{Lsn{10}, {}});
  confirmation.committed(Lsn{100}, 3, 0);
  confirmation.settled(ReadMark{2});
  EXPECT_EQ(flushed(confirmation), Lsn{10});
  confirmation.settled(ReadMark{3});
  EXPECT_EQ(flushed(confirmation), Lsn{100});
}

// Pitfall: rows that share an LSN: how many of them are settled is part of the position.
TEST(Confirmation, CountsTheSettledEventsOfATransaction) {
  Confirmation confirmation(Progress{Lsn{10}, {}});
  confirmation.committed(Lsn{100}, 3, 0);
  confirmation.settled(ReadMark{2});
  EXPECT_EQ(confirmation.progress(), (Progress{Lsn{10}, {Lsn{100}, 2}}));
  confirmation.settled(ReadMark{3});
  EXPECT_EQ(confirmation.progress(), (Progress{Lsn{100}, {}}));
}

TEST(Confirmation, GoesOnInTheMiddleOfATransaction) {
  Confirmation confirmation(Progress{Lsn{10}, {Lsn{100}, 2}});
  confirmation.committed(Lsn{100}, 5, 2);
  EXPECT_EQ(confirmation.last_mark(), ReadMark{3});
  EXPECT_EQ(confirmation.progress(), (Progress{Lsn{10}, {Lsn{100}, 2}}));
  confirmation.settled(ReadMark{1});
  EXPECT_EQ(confirmation.progress(), (Progress{Lsn{10}, {Lsn{100}, 3}}));
  confirmation.settled(ReadMark{3});
  EXPECT_EQ(confirmation.progress(), (Progress{Lsn{100}, {}}));
}

TEST(Confirmation, KeepsWhatWasSettledOfATransactionThatHasNotComeAgainYet) {
  Confirmation confirmation(Progress{Lsn{10}, {Lsn{100}, 2}});
  confirmation.committed(Lsn{50}, 0, 0);
  EXPECT_EQ(confirmation.progress(), (Progress{Lsn{50}, {Lsn{100}, 2}}));
}

// Pitfall: idle databases grow their log when only deliveries move the position.
TEST(Confirmation, MovesWithKeepalivesWhenNothingIsUnsettled) {
  Confirmation confirmation(Progress{Lsn{10}, {}});
  confirmation.idle_at(Lsn{500});
  EXPECT_EQ(flushed(confirmation), Lsn{500});
}

// Pitfall: confirming the wrong LSN: a keepalive must not pass what is in flight.
TEST(Confirmation, HoldsAKeepaliveBehindAnUnsettledEvent) {
  Confirmation confirmation(Progress{Lsn{10}, {}});
  confirmation.committed(Lsn{100}, 2, 0);
  confirmation.idle_at(Lsn{500});
  confirmation.settled(ReadMark{1});
  EXPECT_EQ(confirmation.progress(), (Progress{Lsn{10}, {Lsn{100}, 1}}));
  confirmation.settled(ReadMark{2});
  EXPECT_EQ(flushed(confirmation), Lsn{500});
}

TEST(Confirmation, ConfirmsOnlyWhatIsDurable) {
  Confirmation confirmation(Progress{Lsn{10}, {}});
  confirmation.committed(Lsn{100}, 1, 0);
  confirmation.settled(ReadMark{1});
  EXPECT_TRUE(confirmation.has_news());
  EXPECT_EQ(confirmation.status(), (StandbyStatus{Lsn{100}, Lsn{10}, Lsn{10}}));
  confirmation.stored(confirmation.progress());
  EXPECT_FALSE(confirmation.has_news());
  EXPECT_EQ(confirmation.status(), (StandbyStatus{Lsn{100}, Lsn{100}, Lsn{100}}));
}

TEST(Confirmation, NeverMovesBack) {
  Confirmation confirmation(Progress{Lsn{1000}, {}});
  confirmation.idle_at(Lsn{500});
  EXPECT_EQ(flushed(confirmation), Lsn{1000});
  confirmation.committed(Lsn{600}, 1, 0);
  confirmation.settled(ReadMark{1});
  EXPECT_EQ(flushed(confirmation), Lsn{1000});
  confirmation.settled(ReadMark{0});
  EXPECT_EQ(flushed(confirmation), Lsn{1000});
}

// Against a naive model: flush is the end of the longest run of whole settled transactions.
TEST(Confirmation, ConfirmsExactlyTheSettledPrefixWhateverHappens) {
  for (unsigned seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    Confirmation confirmation(Progress{Lsn{1}, {}});
    struct Sent {
      std::uint64_t last;
      Lsn end;
    };
    std::vector<Sent> sent;
    std::uint64_t lsn = 1, last = 0, settled = 0;
    Lsn before{1};
    for (int step = 0; step < 300; ++step) {
      lsn += 1 + random() % 50;
      if (const auto what = random() % 3; what == 0) {
        const std::uint64_t events = random() % 4;
        last += events;
        confirmation.committed(Lsn{lsn}, events, 0);
        sent.push_back({last, Lsn{lsn}});
      } else if (what == 1) {
        confirmation.idle_at(Lsn{lsn});
        sent.push_back({last, Lsn{lsn}});
      } else if (last > settled) {
        settled += random() % (last - settled + 1);
        confirmation.settled(ReadMark{settled});
      }
      Lsn expected{1};
      for (const Sent& one : sent)
        if (one.last <= settled) expected = one.end;
      if (random() % 2 == 0) {
        ASSERT_EQ(flushed(confirmation), expected);
      } else {
        ASSERT_LE(confirmation.status().flush, expected);
      }
      ASSERT_LE(before, confirmation.status().flush);
      before = confirmation.status().flush;
    }
  }
}

}  // namespace
}  // namespace penstock::wal
