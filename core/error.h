// How this program says that something did not work.
//
// An expected failure is a value: every call that can fail for a reason outside the program returns
// Result<T>. An Error carries a code out of the closed table in core/error_codes.def; the code fixes
// the kind (what the caller may do about it) and a hint (what the operator may do about it).
// Exceptions of third parties end at the adapter that called them; our own are thrown only for a
// broken invariant (core/invariant.h).
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace penstock {

// What a failure means to the one who has to react to it. Closed: a new kind is a design decision.
enum class ErrorKind {
  kUnavailable,   // the other side is away; the same call may work later
  kTimeout,       // no answer before the deadline; whether it took effect is known to be "no"
  kThrottled,     // the other side asks to slow down
  kConflict,      // the state is not the expected one; repeating the same call can't help
  kFenced,        // the right to do this was lost to another owner
  kInDoubt,       // it may or may not have taken effect; only reading back can tell
  kRejected,      // this very content is refused, now and later
  kUnauthorized,  // credentials or rights are missing
  kInvalid,       // the caller's input is wrong
  kInternal,      // a defect of this program
};

std::string_view to_string(ErrorKind kind);

// One row of the table of codes. Codes are compared by address: each exists once.
struct ErrorCode {
  std::string_view name;  // `area.word`, stable: users match on it
  ErrorKind kind;
  std::string_view hint;  // one sentence: what an operator can do
};

namespace codes {
#define PENSTOCK_CODE(identifier, name, kind, hint) inline constexpr ErrorCode identifier{name, ErrorKind::kind, hint};
#include "core/error_codes.def"
#undef PENSTOCK_CODE
}  // namespace codes

// Finds a row of the table by its name; null when there is none.
const ErrorCode* find_error_code(std::string_view name);

// A failure. `message` says what failed and where, in words for an operator; it never holds a
// payload or a secret. Cheap to move, not meant for a hot path.
class [[nodiscard]] Error {
 public:
  Error(const ErrorCode& code, std::string message) : code_(&code), message_(std::move(message)) {}

  const ErrorCode& code() const { return *code_; }
  ErrorKind kind() const { return code_->kind; }
  const std::string& message() const { return message_; }

  // "<context>: <message>": how a caller adds what it was doing while the error passes upwards.
  Error with_context(std::string_view context) &&;

  // "<message> [<code>] <hint>": the form for logs and terminals.
  std::string describe() const;

 private:
  const ErrorCode* code_;
  std::string message_;
};

template <typename T>
using Result = tl::expected<T, Error>;

using Status = Result<void>;

// `return fail(codes::kStoreFenced, "…");`
inline tl::unexpected<Error> fail(const ErrorCode& code, std::string message) {
  return tl::unexpected<Error>(Error(code, std::move(message)));
}

inline tl::unexpected<Error> fail(Error error) { return tl::unexpected<Error>(std::move(error)); }

}  // namespace penstock
