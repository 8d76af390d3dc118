#include "tests/support/recording_log.h"

#include <algorithm>

namespace penstock::tests {

void RecordingLog::write(LogLevel level, std::string_view component, std::string_view code, std::string_view message,
                         std::initializer_list<LogField> fields) {
  Line line{level, std::string(component), std::string(code), std::string(message), {}};
  for (const LogField& field : fields) line.fields.emplace(field.name, field.value);
  std::lock_guard lock(mutex_);
  lines_.push_back(std::move(line));
}

std::vector<RecordingLog::Line> RecordingLog::lines() const {
  std::lock_guard lock(mutex_);
  return lines_;
}

std::size_t RecordingLog::count(LogLevel level) const {
  std::lock_guard lock(mutex_);
  return static_cast<std::size_t>(
      std::count_if(lines_.begin(), lines_.end(), [level](const Line& line) { return line.level == level; }));
}

std::string RecordingLog::text() const {
  std::string text;
  for (const Line& line : lines()) text += line.component + " [" + line.code + "] " + line.message + "\n";
  return text;
}

}  // namespace penstock::tests
