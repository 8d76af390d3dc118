#include "relay/reaction.h"

#include <gtest/gtest.h>

namespace penstock::relay {
namespace {

using connectors::Outcome;

constexpr ErrorKind kAllKinds[] = {ErrorKind::kUnavailable, ErrorKind::kTimeout,      ErrorKind::kThrottled,
                                   ErrorKind::kConflict,    ErrorKind::kFenced,       ErrorKind::kInDoubt,
                                   ErrorKind::kRejected,    ErrorKind::kUnauthorized, ErrorKind::kInvalid,
                                   ErrorKind::kInternal};
constexpr OnReject kAllWords[] = {OnReject::kStop, OnReject::kParkEvent, OnReject::kSkip};

TEST(Reaction, DeliveredIsSettledWhateverTheSettings) {
  for (const OnReject on_reject : kAllWords)
    EXPECT_EQ(react_to_outcome(Outcome::kDelivered, std::nullopt, on_reject), Reaction::kSettle);
}

TEST(Reaction, RetryableIsRetriedWhateverTheKind) {
  for (const OnReject on_reject : kAllWords) {
    EXPECT_EQ(react_to_outcome(Outcome::kRetryable, std::nullopt, on_reject), Reaction::kRetry);
    for (const ErrorKind kind : kAllKinds)
      EXPECT_EQ(react_to_outcome(Outcome::kRetryable, kind, on_reject), Reaction::kRetry) << to_string(kind);
  }
}

struct RejectionRow {
  ErrorKind kind;
  Reaction stop, park, skip;
};

class Rejection : public testing::TestWithParam<RejectionRow> {};

TEST_P(Rejection, FollowsTheTable) {
  const RejectionRow& row = GetParam();
  EXPECT_EQ(react_to_outcome(Outcome::kRejected, row.kind, OnReject::kStop), row.stop);
  EXPECT_EQ(react_to_outcome(Outcome::kRejected, row.kind, OnReject::kParkEvent), row.park);
  EXPECT_EQ(react_to_outcome(Outcome::kRejected, row.kind, OnReject::kSkip), row.skip);
}

constexpr RejectionRow by_policy(ErrorKind kind) { return {kind, Reaction::kFail, Reaction::kPark, Reaction::kSkip}; }
constexpr RejectionRow always(ErrorKind kind, Reaction reaction) { return {kind, reaction, reaction, reaction}; }

INSTANTIATE_TEST_SUITE_P(
    Reaction, Rejection,
    testing::Values(by_policy(ErrorKind::kRejected), by_policy(ErrorKind::kInvalid), by_policy(ErrorKind::kConflict),
                    always(ErrorKind::kUnavailable, Reaction::kRetry), always(ErrorKind::kTimeout, Reaction::kRetry),
                    always(ErrorKind::kThrottled, Reaction::kRetry), always(ErrorKind::kFenced, Reaction::kRetry),
                    always(ErrorKind::kInDoubt, Reaction::kRetry), always(ErrorKind::kUnauthorized, Reaction::kRetry),
                    always(ErrorKind::kInternal, Reaction::kFail)),
    [](const auto& row) { return std::string(to_string(row.param.kind)); });

TEST(Reaction, RejectionWithoutAReasonMeansThisMessage) {
  EXPECT_EQ(react_to_outcome(Outcome::kRejected, std::nullopt, OnReject::kParkEvent), Reaction::kPark);
}

struct SourceRow {
  ErrorKind kind;
  SourceReaction opening, open;
};

class SourceError : public testing::TestWithParam<SourceRow> {};

TEST_P(SourceError, FollowsTheTable) {
  const SourceRow& row = GetParam();
  EXPECT_EQ(react_to_source_error(SourceStep::kOpening, row.kind), row.opening);
  EXPECT_EQ(react_to_source_error(SourceStep::kOpen, row.kind), row.open);
}

constexpr SourceRow both(ErrorKind kind, SourceReaction reaction) { return {kind, reaction, reaction}; }

INSTANTIATE_TEST_SUITE_P(
    Reaction, SourceError,
    testing::Values(
        SourceRow{ErrorKind::kConflict, SourceReaction::kStandBy, SourceReaction::kReopen},
        both(ErrorKind::kFenced, SourceReaction::kYield), both(ErrorKind::kInternal, SourceReaction::kFail),
        both(ErrorKind::kUnavailable, SourceReaction::kReopen), both(ErrorKind::kTimeout, SourceReaction::kReopen),
        both(ErrorKind::kThrottled, SourceReaction::kReopen), both(ErrorKind::kInDoubt, SourceReaction::kReopen),
        both(ErrorKind::kRejected, SourceReaction::kReopen), both(ErrorKind::kUnauthorized, SourceReaction::kReopen),
        both(ErrorKind::kInvalid, SourceReaction::kReopen)),
    [](const auto& row) { return std::string(to_string(row.param.kind)); });

TEST(Reaction, OnlyADefectEndsTryingToOpenOrToPark) {
  for (const ErrorKind kind : kAllKinds) {
    const auto expected = kind == ErrorKind::kInternal ? RepeatReaction::kFail : RepeatReaction::kBackOff;
    EXPECT_EQ(react_to_open_error(kind), expected) << to_string(kind);
    EXPECT_EQ(react_to_park_error(kind), expected) << to_string(kind);
  }
}

TEST(Reaction, ALeaseOfAnotherMeansStandbyAndEverythingElseBackOff) {
  for (const ErrorKind kind : kAllKinds) {
    const bool held = kind == ErrorKind::kConflict || kind == ErrorKind::kFenced;
    EXPECT_EQ(react_to_lease_error(kind), held ? LeaseReaction::kStandBy : LeaseReaction::kBackOff) << to_string(kind);
  }
}

}  // namespace
}  // namespace penstock::relay
