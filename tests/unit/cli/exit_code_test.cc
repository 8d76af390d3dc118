#include "cli/exit_code.h"

#include <gtest/gtest.h>

namespace penstock::cli {
namespace {

ExitCode exit_of(const ErrorCode& code) { return exit_code_of(Error(code, "x")); }

TEST(ExitCode, FollowsTheKindOfTheError) {
  EXPECT_EQ(exit_of(codes::kStoreUnavailable), ExitCode::kUnavailable);
  EXPECT_EQ(exit_of(codes::kTimeout), ExitCode::kTryAgain);
  EXPECT_EQ(exit_of(codes::kStoreInDoubt), ExitCode::kTryAgain);
  EXPECT_EQ(exit_of(codes::kStoreQueueFull), ExitCode::kTryAgain);
  EXPECT_EQ(exit_of(codes::kStoreWrongExpectedVersion), ExitCode::kNegative);
  EXPECT_EQ(exit_of(codes::kStoreLimitExceeded), ExitCode::kBadData);
  EXPECT_EQ(exit_of(codes::kStoreUnauthorized), ExitCode::kNotAllowed);
  EXPECT_EQ(exit_of(codes::kInternal), ExitCode::kInternal);
}

TEST(ExitCode, TellsAFileThatCannotBeReadFromADatabaseThatIsAway) {
  EXPECT_EQ(exit_of(codes::kArchiveUnreadable), ExitCode::kIo);
  EXPECT_EQ(exit_of(codes::kArchiveMalformed), ExitCode::kBadData);
}

TEST(ExitCode, AsksToTryAgainWhatAnotherInstanceHolds) {
  EXPECT_EQ(exit_of(codes::kRelayStandby), ExitCode::kTryAgain);
  EXPECT_EQ(exit_of(codes::kWalSlotInUse), ExitCode::kTryAgain);
}

TEST(ExitCode, IsThatOfTheConfigurationWhereItIsAtFault) {
  EXPECT_EQ(exit_of(codes::kConfigInvalid), ExitCode::kConfig);
  EXPECT_EQ(exit_of(codes::kStoreSchemaTooNew), ExitCode::kConfig);
  EXPECT_EQ(exit_of(codes::kStoreSchemaMissing), ExitCode::kUnavailable);
}

}  // namespace
}  // namespace penstock::cli
