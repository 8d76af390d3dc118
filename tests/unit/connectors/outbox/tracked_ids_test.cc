#include "connectors/outbox/tracked_ids.h"

#include <gmock/gmock.h>

namespace penstock::outbox {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TrackedIds three() {
  TrackedIds ids;
  for (const char* id : {"a", "b", "c"}) ids.found(id);
  return ids;
}

TEST(TrackedIds, WaitInTheOrderInWhichTheyWereFound) {
  const TrackedIds ids = three();
  EXPECT_EQ(ids.waiting(), 3U);
  EXPECT_EQ(ids.next(), 1);
  EXPECT_THAT(ids.waiting_ids(2), ElementsAre("a", "b"));
  EXPECT_THAT(ids.waiting_ids(9), ElementsAre("a", "b", "c"));
  EXPECT_THAT(ids.in_flight(), IsEmpty());
}

TEST(TrackedIds, AreInFlightUntilTheyAreSettled) {
  TrackedIds ids = three();
  ids.hand_out_to(2);
  EXPECT_THAT(ids.in_flight(), ElementsAre("a", "b"));
  EXPECT_THAT(ids.waiting_ids(9), ElementsAre("c"));
  ids.settled_to(1);
  EXPECT_THAT(ids.in_flight(), ElementsAre("b"));
  EXPECT_EQ(ids.id_of(2), "b");
  EXPECT_EQ(ids.next(), 3);
}

TEST(TrackedIds, AreFoundAgainWhereNothingIsInFlightBeforeThoseThatAreGone) {
  TrackedIds ids = three();
  ids.hand_out_to(3);
  ids.gone_behind(1);
  EXPECT_THAT(ids.in_flight(), ElementsAre("a", "b", "c"));
  ids.settled_to(1);
  ids.gone_behind(1);
  EXPECT_THAT(ids.in_flight(), IsEmpty());
  EXPECT_EQ(ids.next(), 4);
}

TEST(TrackedIds, KeepTheirNumbersWhileOthersComeAndGo) {
  TrackedIds ids = three();
  ids.hand_out_to(3);
  ids.settled_to(3);
  ids.found("d");
  EXPECT_EQ(ids.next(), 4);
  EXPECT_EQ(ids.id_of(4), "d");
  ids.hand_out_to(4);
  EXPECT_EQ(ids.waiting(), 0U);
  ids.settled_to(4);
  EXPECT_THAT(ids.in_flight(), IsEmpty());
}

}  // namespace
}  // namespace penstock::outbox
