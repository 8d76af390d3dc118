#include "cli/exit_code.h"

namespace penstock::cli {
namespace {

// Codes whose answer differs from that of their kind.
bool is_of_configuration(const ErrorCode& code) {
  return &code == &codes::kConfigInvalid || &code == &codes::kConfigUnreadable ||
         &code == &codes::kConfigReferenceMissing || &code == &codes::kStoreSchemaTooNew;
}

}  // namespace

ExitCode exit_code_of(const Error& error) {
  if (is_of_configuration(error.code())) return ExitCode::kConfig;
  if (&error.code() == &codes::kStoreSchemaMissing) return ExitCode::kUnavailable;
  if (&error.code() == &codes::kCliUsage) return ExitCode::kUsage;
  if (&error.code() == &codes::kApiListenFailed) return ExitCode::kSystem;
  if (&error.code() == &codes::kArchiveUnreadable) return ExitCode::kIo;
  if (&error.code() == &codes::kRelayStandby || &error.code() == &codes::kWalSlotInUse) return ExitCode::kTryAgain;
  switch (error.kind()) {
    case ErrorKind::kUnavailable: return ExitCode::kUnavailable;
    case ErrorKind::kTimeout:
    case ErrorKind::kThrottled:
    case ErrorKind::kFenced:
    case ErrorKind::kInDoubt: return ExitCode::kTryAgain;
    case ErrorKind::kConflict: return ExitCode::kNegative;
    case ErrorKind::kRejected:
    case ErrorKind::kInvalid: return ExitCode::kBadData;
    case ErrorKind::kUnauthorized: return ExitCode::kNotAllowed;
    case ErrorKind::kInternal: return ExitCode::kInternal;
  }
  return ExitCode::kInternal;
}

}  // namespace penstock::cli
