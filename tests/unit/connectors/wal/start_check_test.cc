#include "connectors/wal/start_check.h"

#include <gtest/gtest.h>

namespace penstock::wal {
namespace {

const ServerIdentity kServer{"7", 3};

SlotState slot_at(std::uint64_t confirmed) { return {"pgoutput", "logical", "shop", "reserved", Lsn{confirmed}}; }
SourceCheckpoint stored(std::string position, std::int64_t timeline = 3) {
  return {std::move(position), "7", timeline};
}

std::string judged(const std::optional<SourceCheckpoint>& checkpoint, const std::optional<SlotState>& slot,
                   std::optional<Lsn> switch_point = {}) {
  const auto start = judge_start(checkpoint, slot, "s", kServer, switch_point);
  if (!start) return std::string(start.error().code().name);
  if (const auto* lost = std::get_if<LostLog>(&*start))
    return std::string(lost->why.code().name) + " from " + to_string(lost->from) +
           (lost->slot_stands_at ? " to " + to_string(*lost->slot_stands_at) : "");
  const auto* progress = std::get_if<Progress>(&*start);
  return progress != nullptr ? to_string(*progress) : "first";
}

std::string checked(const SlotState& slot) {
  const auto fits = check_slot(slot, "s", "shop");
  return fits ? "fits" : std::string(fits.error().code().name);
}

TEST(StartCheck, KnowsTheFirstStart) {
  EXPECT_EQ(judged({}, {}), "first");
  EXPECT_EQ(judged({}, slot_at(0x10)), "0/10");  // a ready-made slot
}

TEST(StartCheck, GoesOnWhereItWasSettled) {
  EXPECT_EQ(judged(stored("0/20"), slot_at(0x20)), "0/20");
  EXPECT_EQ(judged(stored("0/20"), slot_at(0x10)), "0/20");  // the server saves what was confirmed lazily
  EXPECT_EQ(judged(stored("0/20 0/30:2"), slot_at(0x20)), "0/20 0/30:2");
}

// Rows that were polled are settled; those that were not are in the table, and a new slot would not bring them.
TEST(StartCheck, BeginsAtTheSlotAfterPollingAndMakesNone) {
  EXPECT_EQ(judged(stored("polled"), slot_at(0x10)), "0/10");
  EXPECT_EQ(judged(stored("polled", 9), slot_at(0x10)), "0/10");
  EXPECT_EQ(judged(stored("polled"), {}), "wal.slot_missing");
  SlotState lost = slot_at(0x20);
  lost.wal_status = "lost";
  EXPECT_EQ(judged(stored("polled"), lost), "wal.slot_lost");
}

// Pitfalls "START below confirmed_flush" and "slot recreated".
TEST(StartCheck, RefusesASlotThatIsAhead) {
  EXPECT_EQ(judged(stored("0/20"), slot_at(0x21)), "wal.slot_ahead from 0/20 to 0/21");
  EXPECT_EQ(judged(stored("0/20 0/30:2"), slot_at(0x30)), "wal.slot_ahead from 0/20 to 0/30");
}

TEST(StartCheck, RefusesASlotThatIsGoneOrInvalidated) {
  EXPECT_EQ(judged(stored("0/20"), {}), "wal.slot_lost from 0/20");
  SlotState lost = slot_at(0x20);
  lost.wal_status = "lost";
  EXPECT_EQ(judged(stored("0/20"), lost), "wal.slot_lost from 0/20");
  EXPECT_EQ(judged({}, lost), "wal.slot_lost");
  lost = slot_at(0x20);
  lost.confirmed_flush.reset();
  EXPECT_EQ(judged(stored("0/20"), lost), "wal.slot_lost from 0/20");
}

TEST(StartCheck, RefusesASlotOfAnotherKind) {
  for (const auto change : {&SlotState::plugin, &SlotState::kind, &SlotState::database}) {
    SlotState other = slot_at(0x20);
    other.*change = "other";
    EXPECT_EQ(checked(other), "wal.refused");
  }
}

// Its first prepared transaction would come before anybody knows whether it is committed.
TEST(StartCheck, RefusesASlotThatHandsOverPreparedTransactions) {
  SlotState slot = slot_at(0x20);
  slot.prepared = SlotState::Prepared::kBeforeCommit;
  EXPECT_EQ(checked(slot), "wal.refused");
}

TEST(StartCheck, SaysThatAPolledSourceLeftNoPlaceOfTheLog) {
  EXPECT_EQ(judged(stored("4.. seen 3 5cf958be-de6f-4709-8c7c-3803e53c5384"), slot_at(0x20)), "wal.refused");
  EXPECT_EQ(judged(stored("xid 747:3"), slot_at(0x20)), "wal.refused") << "guard \"xid\"";
  EXPECT_EQ(judged(stored("?"), slot_at(0x20)), "core.internal");
}

TEST(StartCheck, RefusesAnOlderTimeline) { EXPECT_EQ(judged(stored("0/20", 4), slot_at(0x20)), "wal.other_server"); }

// A wrong address has no such slot, as a rule; a cluster that was upgraded or restored gets it by hand.
TEST(StartCheck, GoesOnAtAnotherServerOnlyWhereASlotIsAndBehindAGap) {
  const SourceCheckpoint elsewhere{"0/20", "8", 4};
  EXPECT_EQ(judged(elsewhere, {}), "wal.other_server");
  EXPECT_EQ(judged(elsewhere, slot_at(0x30)), "wal.other_server from 0/20 to 0/30");
  EXPECT_EQ(judged(elsewhere, slot_at(0x10)), "wal.other_server from 0/20 to 0/10");
  SlotState lost = slot_at(0x20);
  lost.wal_status = "lost";
  EXPECT_EQ(judged(elsewhere, lost), "wal.other_server");
}

// Pitfall "failover": the new primary may lack the tail that was delivered, and gives its places away again.
TEST(StartCheck, GoesOnAfterAFailoverOnlyFromBeforeTheSwitch) {
  EXPECT_EQ(judged(stored("0/20", 2), slot_at(0x10), Lsn{0x20}), "0/20");
  EXPECT_EQ(judged(stored("0/20", 2), slot_at(0x10), Lsn{0x1F}), "wal.other_server from 0/1F to 0/10");
  EXPECT_EQ(judged(stored("0/10 0/20:1", 2), {}, Lsn{0x1F}), "wal.other_server from 0/1F");
  EXPECT_EQ(judged(stored("0/20", 2), slot_at(0x10)), "wal.other_server");
}

std::string judged_set_back(const std::string& progress, const std::optional<SlotState>& slot, std::uint64_t log_end,
                            std::int64_t timeline = 3) {
  const auto place =
      find_place_after_set_back(stored(progress, timeline), *parse_progress(progress), slot, kServer, Lsn{log_end});
  return place ? to_string(*place) : "not set back";
}

// The server takes a start beyond the end of its log, and passes over what is committed until the log has grown to it.
TEST(StartCheck, ReadsAgainFromTheSlotOnAServerThatWasSetBack) {
  EXPECT_EQ(judged_set_back("0/20", slot_at(0x10), 0x20), "not set back");
  EXPECT_EQ(judged_set_back("0/20", slot_at(0x10), 0x1F), "0/10");
  EXPECT_EQ(judged_set_back("0/10 0/20:1", slot_at(0x10), 0x1F), "0/10");
  EXPECT_EQ(judged_set_back("0/20", slot_at(0x20), 0x1F), "0/1F") << "the slot is ahead then";
  EXPECT_EQ(judged_set_back("0/20", {}, 0x1F), "0/0") << "how far it was set back nobody knows";
  SlotState lost = slot_at(0x10);
  lost.wal_status = "lost";
  EXPECT_EQ(judged_set_back("0/20", lost, 0x1F), "0/0");
  EXPECT_EQ(judged_set_back("0/20", slot_at(0x10), 0x1F, 2), "not set back") << "a failover is judged by its switch";
}

TEST(StartCheck, RefusesAPositionThatIsNone) { EXPECT_EQ(judged(stored("17"), slot_at(0x10)), "core.internal"); }

struct Kept {
  std::uint64_t from, to;
  char is;  // 'o'pen, 'a'cknowledged
  const ErrorCode& reason = codes::kWalSlotLost;
};

// "1o 2a, open, missing 0/20 to 0/30"
std::string judged_gap(std::uint64_t from, std::uint64_t end, const std::vector<Kept>& kept,
                       const ErrorCode& why = codes::kWalSlotAhead) {
  std::vector<SourceGaps::Recorded> known;
  for (const Kept& one : kept)
    known.push_back({static_cast<std::int64_t>(known.size()) + 1,
                     {std::string(one.reason.name), position_of(Lsn{one.from}), position_of(Lsn{one.to})},
                     one.is == 'o' ? SourceGaps::Recorded::Is::kOpen : SourceGaps::Recorded::Is::kAcknowledged});
  const auto found = judge_gap({Error(why, "it is lost"), Lsn{from}, Lsn{end}}, Lsn{end}, known);
  std::string text;
  for (const auto& name : found.names)
    text += std::to_string(name.number) + (name.is == SourceGaps::Recorded::Is::kOpen ? "o " : "a ");
  text += found.is == GapOnRecord::Is::kOpen ? "open" : "acknowledged";
  if (found.missing)
    text += ", missing " + found.missing->reason + " " + to_string(lsn_of(found.missing->from)) + " to " +
            to_string(lsn_of(found.missing->to));
  return text;
}

TEST(GapOnRecordCheck, PassesWhatWasAcknowledgedAndNoMore) {
  EXPECT_EQ(judged_gap(0x10, 0x20, {}), "open, missing wal.slot_ahead 0/10 to 0/20");
  EXPECT_EQ(judged_gap(0x10, 0x20, {{0x10, 0x20, 'o'}}), "1o open");
  EXPECT_EQ(judged_gap(0x10, 0x20, {{0x10, 0x20, 'a'}}), "1a acknowledged");
  // The slot stands where more can be read than was asked about.
  EXPECT_EQ(judged_gap(0x10, 0x18, {{0x10, 0x20, 'a'}}), "1a acknowledged");
  // The slot was lost again behind it.
  EXPECT_EQ(judged_gap(0x10, 0x30, {{0x10, 0x20, 'o'}}), "1o open, missing wal.slot_ahead 0/20 to 0/30");
  EXPECT_EQ(judged_gap(0x10, 0x30, {{0x10, 0x20, 'a'}}), "1a open, missing wal.slot_ahead 0/20 to 0/30");
  EXPECT_EQ(judged_gap(0x10, 0x21, {{0x10, 0x20, 'a'}}), "1a open, missing wal.slot_ahead 0/20 to 0/21");
}

TEST(GapOnRecordCheck, TakesTheRecordsOfOneGapTogether) {
  EXPECT_EQ(judged_gap(0x10, 0x30, {{0x10, 0x20, 'a'}, {0x20, 0x30, 'o'}}), "1a 2o open");
  EXPECT_EQ(judged_gap(0x10, 0x30, {{0x10, 0x20, 'o'}, {0x20, 0x30, 'a'}}), "1o 2a open");
  EXPECT_EQ(judged_gap(0x10, 0x30, {{0x20, 0x30, 'a'}, {0x10, 0x20, 'a'}}), "2a 1a acknowledged");
  EXPECT_EQ(judged_gap(0x10, 0x40, {{0x10, 0x20, 'a'}, {0x20, 0x30, 'a'}}),
            "1a 2a open, missing wal.slot_ahead 0/30 to 0/40");
}

// Another server that was set back, or the same one before its slot was made, has records from there on, too.
TEST(GapOnRecordCheck, TakesNoOtherRecordFromAnUnknownPlaceThanThatToTheSlot) {
  EXPECT_EQ(judged_gap(0, 0x30, {{0, 0x20, 'a'}, {0x20, 0x30, 'a'}, {0, 0x40, 'a'}}),
            "open, missing wal.slot_ahead 0/0 to 0/30");
  EXPECT_EQ(judged_gap(0, 0x30, {{0, 0x40, 'a'}, {0, 0x30, 'a'}}), "2a acknowledged");
}

// One end is a place in the log of another server.
TEST(GapOnRecordCheck, TakesNoRecordOfTheOldLogForOneThatLeadsToAnother) {
  const std::vector<Kept> of_old_log = {{0x20, 0x40, 'a'}, {0x40, 0x50, 'a'}};
  EXPECT_EQ(judged_gap(0x20, 0x30, of_old_log, codes::kWalOtherServer), "open, missing wal.other_server 0/20 to 0/30");
  EXPECT_EQ(judged_gap(0x20, 0x10, {{0x20, 0x40, 'a'}, {0x20, 0x10, 'a'}}, codes::kWalOtherServer), "2a acknowledged");
}

TEST(GapOnRecordCheck, LeavesOtherRecordsOfTheSourceAlone) {
  EXPECT_EQ(judged_gap(0x10, 0x20, {{0x10, 0x20, 'a', codes::kWalPublicationMissing}}),
            "open, missing wal.slot_ahead 0/10 to 0/20");
  EXPECT_EQ(judged_gap(0x10, 0x20, {{0x10, 0x20, 'a', codes::kWalOtherServer}}),
            "open, missing wal.slot_ahead 0/10 to 0/20");
  EXPECT_EQ(judged_gap(0x10, 0x20, {{0x18, 0x20, 'a'}}), "open, missing wal.slot_ahead 0/10 to 0/20");
  EXPECT_EQ(judged_gap(0x10, 0x20, {{0x10, 0x20, 'a'}, {0x40, 0x50, 'o'}}), "1a acknowledged");
  // One without an end acknowledges nothing.
  EXPECT_EQ(judged_gap(0x10, 0x20, {{0x10, 0x10, 'a'}}), "1a open, missing wal.slot_ahead 0/10 to 0/20");
  EXPECT_EQ(judged_gap(0x10, 0x20, {{0x10, 0x10, 'a'}, {0x10, 0x20, 'a'}}), "2a acknowledged");
}

// A tail that was lost in a failover, and a slot that stands before it.
TEST(GapOnRecordCheck, WantsARecordAlsoWhereTheSlotStandsBeforeTheGap) {
  EXPECT_EQ(judged_gap(0x10, 0x8, {}), "open, missing wal.slot_ahead 0/10 to 0/8");
  EXPECT_EQ(judged_gap(0x10, 0x8, {{0x10, 0x8, 'o'}}), "1o open");
  EXPECT_EQ(judged_gap(0x10, 0x8, {{0x10, 0x8, 'a'}}), "1a acknowledged");
  EXPECT_EQ(judged_gap(0x10, 0x9, {{0x10, 0x8, 'a'}}), "open, missing wal.slot_ahead 0/10 to 0/9");
}

TEST(StartCheck, FindsTheEndOfATimelineInItsHistory) {
  const std::string_view history = "1\t0/3000000\tno recovery target specified\n\n2\t0/5000028\tbefore 2026\n";
  EXPECT_EQ(switch_point_in(history, 1), Lsn{0x3000000});
  EXPECT_EQ(switch_point_in(history, 2), Lsn{0x5000028});
  EXPECT_FALSE(switch_point_in(history, 3));
  EXPECT_FALSE(switch_point_in("", 1));
  EXPECT_FALSE(switch_point_in("1", 1));
}

}  // namespace
}  // namespace penstock::wal
