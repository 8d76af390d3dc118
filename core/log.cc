#include "core/log.h"

namespace penstock {

std::string_view to_string(LogLevel level) {
  switch (level) {
    case LogLevel::kTrace: return "trace";
    case LogLevel::kDebug: return "debug";
    case LogLevel::kInfo: return "info";
    case LogLevel::kWarn: return "warn";
    case LogLevel::kError: return "error";
  }
  return "error";
}
namespace {

// A message may end in a statement with its own full stop.
std::string message_and_hint(const Error& error) {
  const std::string& message = error.message();
  const bool has_ended = message.ends_with('.') || message.ends_with(';') || message.ends_with('?');
  return message + (has_ended ? " " : ". ") + std::string(error.code().hint);
}

}  // namespace

void Log::warn(std::string_view component, const Error& error, std::initializer_list<LogField> fields) {
  write(LogLevel::kWarn, component, error.code().name, message_and_hint(error), fields);
}

void Log::error(std::string_view component, const Error& error, std::initializer_list<LogField> fields) {
  write(LogLevel::kError, component, error.code().name, message_and_hint(error), fields);
}

}  // namespace penstock
