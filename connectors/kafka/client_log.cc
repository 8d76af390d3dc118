#include "connectors/kafka/client_log.h"

namespace penstock::kafka {
namespace {

constexpr int kSyslogWarning = 4;
constexpr int kSyslogInfo = 6;

LogLevel level_of(int severity) {
  if (severity <= kSyslogWarning) return LogLevel::kWarn;
  return severity <= kSyslogInfo ? LogLevel::kDebug : LogLevel::kTrace;
}

}  // namespace

ClientLog::ClientLog(Log& log, const Clock& clock, std::string client)
    : log_(log), clock_(clock), client_(std::move(client)) {}

void ClientLog::write(int severity, std::string_view facility, std::string_view text) {
  // Said at each start about a property that is always set.
  const bool is_known = facility == "CONFWARN" && text.find("enable.gapless.guarantee") != std::string_view::npos;
  const LogLevel level = is_known ? LogLevel::kTrace : level_of(severity);
  if (!log_.enabled(level)) return;
  if (level != LogLevel::kWarn) {
    log_.write(level, "kafka", {}, text, {{"client", client_}, {"facility", facility}});
    return;
  }
  const SteadyTime now = clock_.now();
  const auto [spoken, is_new] = facilities_.try_emplace(std::string(facility), Spoken{now});
  if (!is_new && now - spoken->second.at < kQuiet) {
    ++spoken->second.left_out;
    return;
  }
  const std::string left_out = std::to_string(spoken->second.left_out);
  spoken->second = Spoken{now};
  log_.write(level, "kafka", {}, text, {{"client", client_}, {"facility", facility}, {"left_out", left_out}});
}

}  // namespace penstock::kafka
