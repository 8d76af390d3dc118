#include "cli/log_lines.h"

#include <algorithm>
#include <cctype>

#include "core/json_text.h"

namespace penstock::cli {
namespace {

Tint tint_of(LogLevel level) {
  if (level == LogLevel::kError) return Tint::kBad;
  if (level == LogLevel::kWarn) return Tint::kWarning;
  return level == LogLevel::kInfo ? Tint::kGood : Tint::kFaint;
}

bool is_plain(std::string_view value) {
  const auto breaks = [](char c) { return c == ' ' || c == '"' || c == '='; };
  return !value.empty() && std::ranges::none_of(value, breaks);
}

void append_field(std::string& out, std::string_view name, std::string_view value) {
  out.append(" ").append(name).append("=");
  const std::string safe = printable(value);
  if (is_plain(safe)) {
    out += safe;
  } else {
    append_json_string(out, safe);
  }
}

void append_member(std::string& out, std::string_view name, std::string_view value) {
  out += out.size() > 1 ? "," : "";
  append_json_string(out, name);
  out += ":";
  append_json_string(out, value);
}

}  // namespace

std::string text_line(const LogLine& line, const Palette& palette) {
  constexpr std::size_t kLevelWidth = 5;
  std::string level(to_string(line.level));
  std::ranges::transform(level, level.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  level.resize(kLevelWidth, ' ');
  std::string out = palette.paint(format_timestamp(line.time), Tint::kFaint);
  out.append(" ").append(palette.paint(level, tint_of(line.level))).append(" ");
  out.append(line.component).append(": ").append(printable(line.message));
  for (const LogField& field : line.fields) append_field(out, field.name, field.value);
  if (!line.code.empty()) append_field(out, "code", line.code);
  return out;
}

std::string json_line(const LogLine& line) {
  std::string out = "{";
  append_member(out, "ts", format_timestamp(line.time));
  append_member(out, "level", to_string(line.level));
  append_member(out, "msg", line.message);
  append_member(out, "component", line.component);
  if (!line.code.empty()) append_member(out, "code", line.code);
  for (const LogField& field : line.fields) append_member(out, field.name, field.value);
  return out += "}";
}

}  // namespace penstock::cli
