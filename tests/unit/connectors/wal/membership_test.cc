#include "connectors/wal/membership.h"

#include <gtest/gtest.h>

namespace penstock::wal {
namespace {

// By an entry of its own, since the transaction behind the one that made it.
const Membership kBefore{"16401.731", parse_entries("t16403.731"), "16390", "729"};

Membership with_entries(std::string_view entries) {
  Membership now = kBefore;
  now.entries = parse_entries(entries);
  return now;
}

TEST(Membership, StaysWhatItWas) { EXPECT_TRUE(stays_published(kBefore, kBefore)); }

TEST(Membership, IsAnotherOneOnceTheTableWasTakenOutAndPutIn) {
  EXPECT_FALSE(stays_published(kBefore, with_entries("t16407.740")));
  EXPECT_FALSE(stays_published(kBefore, with_entries("")));
}

TEST(Membership, IsAnotherOneOnceThePublicationWasAltered) {
  Membership now = kBefore;
  now.publication = "16401.740";
  EXPECT_FALSE(stays_published(kBefore, now));
}

TEST(Membership, StaysByAnyEntryThatIsOld) {
  EXPECT_TRUE(stays_published(with_entries("a,t1.2"), with_entries("a")));
  EXPECT_TRUE(stays_published(with_entries("s3.4,t1.2"), with_entries("s3.9,t1.2")));
  EXPECT_FALSE(stays_published(with_entries("s3.4,t1.2"), with_entries("s3.9,t1.3")));
}

TEST(Membership, TakesANewTableForPublishedOnlyFromItsOwnTransaction) {
  Membership now{"16401.731", parse_entries("t16410.750"), "16405", "750"};
  EXPECT_TRUE(stays_published(kBefore, now));
  now.since = "749";
  EXPECT_FALSE(stays_published(kBefore, now));
  now.since = "50";
  EXPECT_FALSE(stays_published(kBefore, now));
}

// A table without an entry may have borne the name in between.
TEST(Membership, HangsOnTheSuccessionWhereOnlyAnEntryOfItsOwnPublishesANewTable) {
  EXPECT_FALSE(hangs_on_succession(kBefore, kBefore));
  const Membership now{"16401.731", parse_entries("t16410.750"), "16405", "750"};
  EXPECT_TRUE(hangs_on_succession(kBefore, now));
  Membership attached = kBefore;
  attached.table = "16390.760";
  EXPECT_FALSE(hangs_on_succession(kBefore, attached));
  Membership of_all_before = kBefore, of_all = now;
  of_all_before.entries = parse_entries("a,t16403.731");
  of_all.entries = parse_entries("a,t16410.750");
  EXPECT_FALSE(hangs_on_succession(of_all_before, of_all));
}

TEST(Membership, EndsWhereTheTableWasRenamedAndRenamedBack) {
  const auto named = [](const std::string& table) {
    Membership membership = kBefore;
    membership.table = table;
    return membership;
  };
  EXPECT_TRUE(stays_published(named("16390/729"), named("16390/729")));
  EXPECT_FALSE(stays_published(named("16390/729"), named("16390/760")));
  EXPECT_FALSE(stays_published(named("16390/729.731"), named("16390/760.731")));
  EXPECT_TRUE(stays_published(named("16390"), named("16390/760"))) << "kept by an earlier version";
  EXPECT_TRUE(stays_published(named("16390.731"), named("16390/760.731")));
  EXPECT_FALSE(stays_published(named("16390.731"), named("16390/760.732")));
  EXPECT_FALSE(stays_published(named("16390"), named("16391/760")));
  EXPECT_FALSE(hangs_on_succession(named("16390/729.731"), named("16390/760")));
  Membership from_its_first_row = named("16390/731");
  from_its_first_row.since = "731";
  Membership renamed = from_its_first_row;
  renamed.table = "16390/760";
  EXPECT_TRUE(stays_published(from_its_first_row, from_its_first_row));
  EXPECT_FALSE(stays_published(from_its_first_row, renamed));
}

TEST(Membership, OfASchemaEndsWhereTheTableIsMovedButNotWhereItIsMadeAnew) {
  const Membership before{"1.1", parse_entries("s3.4"), "16390", "729"};
  Membership now = before;
  now.since = "740";
  EXPECT_FALSE(stays_published(before, now));
  now.table = "16390/740";
  EXPECT_FALSE(stays_published({"1.1", before.entries, "16390/729", "729"}, now));
  now.table = "16405";
  EXPECT_TRUE(stays_published(before, now));
}

TEST(OwnPosition, SurvivesItsText) {
  const Progress progress{Lsn{0x100000001}, {Lsn{0x100000009}, 70'000}};
  Membership of_schema = with_entries("a,s16404.730,t16403.731");
  for (const OwnPosition& position :
       {OwnPosition{progress, std::nullopt}, OwnPosition{progress, PublishedAt{Lsn{0x20}, kBefore}},
        OwnPosition{{Lsn{1}, {}}, PublishedAt{Lsn{0x20}, of_schema}},
        OwnPosition{{Lsn{1}, {}}, PublishedAt{Lsn{0x20}, with_entries("")}}})
    EXPECT_EQ(parse_own_position(to_string(position)), position) << to_string(position);
  for (const char* text : {"", "polled", "; published 0/1 1.1 a 2 3", "0/1; published 0/1 1.1 a 2",
                           "0/1; published x 1.1 a 2 3", "0/1; published 0/1 1.1 a 2 3 4"})
    EXPECT_FALSE(parse_own_position(text)) << text;
}

}  // namespace
}  // namespace penstock::wal
