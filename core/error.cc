#include "core/error.h"

#include <array>

namespace penstock {

std::string_view to_string(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kUnavailable: return "unavailable";
    case ErrorKind::kTimeout: return "timeout";
    case ErrorKind::kThrottled: return "throttled";
    case ErrorKind::kConflict: return "conflict";
    case ErrorKind::kFenced: return "fenced";
    case ErrorKind::kInDoubt: return "in_doubt";
    case ErrorKind::kRejected: return "rejected";
    case ErrorKind::kUnauthorized: return "unauthorized";
    case ErrorKind::kInvalid: return "invalid";
    case ErrorKind::kInternal: return "internal";
  }
  return "internal";
}

const ErrorCode* find_error_code(std::string_view name) {
  static constexpr std::array kTable{
#define PENSTOCK_CODE(identifier, name, kind, hint) &codes::identifier,
#include "core/error_codes.def"
#undef PENSTOCK_CODE
  };
  for (const ErrorCode* code : kTable) {
    if (code->name == name) return code;
  }
  return nullptr;
}

Error Error::with_context(std::string_view context) && {
  std::string text;
  text.reserve(context.size() + 2 + message_.size());
  text.append(context).append(": ").append(message_);
  return Error(*code_, std::move(text));
}

std::string Error::describe() const {
  std::string text = message_;
  text.append(" [").append(code_->name).append("] ").append(code_->hint);
  return text;
}

}  // namespace penstock
