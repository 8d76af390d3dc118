#include "core/log.h"

namespace penstock {
namespace {

std::string message_and_hint(const Error& error) { return error.message() + ". " + std::string(error.code().hint); }

}  // namespace

void Log::warn(std::string_view component, const Error& error, std::initializer_list<LogField> fields) {
  write(LogLevel::kWarn, component, error.code().name, message_and_hint(error), fields);
}

void Log::error(std::string_view component, const Error& error, std::initializer_list<LogField> fields) {
  write(LogLevel::kError, component, error.code().name, message_and_hint(error), fields);
}

}  // namespace penstock
