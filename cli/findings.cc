#include "cli/findings.h"

#include "cli/json_writer.h"

namespace penstock::cli {
namespace {

using config::Problem;
using connectors::Finding;

std::string_view word_of(Finding::Severity severity) {
  switch (severity) {
    case Finding::Severity::kOk: return "ok";
    case Finding::Severity::kWarning: return "warning";
    case Finding::Severity::kError: return "error";
  }
  return "error";
}

Tint tint_of(Finding::Severity severity) {
  if (severity == Finding::Severity::kOk) return Tint::kGood;
  return severity == Finding::Severity::kWarning ? Tint::kWarning : Tint::kBad;
}

Finding::Severity severity_of(const Problem& problem) {
  return problem.severity == Problem::Severity::kError ? Finding::Severity::kError : Finding::Severity::kWarning;
}

void append_text(std::string& out, const FileFindings& file, const Palette& palette) {
  for (const Problem& problem : file.problems) {
    out += palette.paint(to_string(problem), tint_of(severity_of(problem))) + "\n";
  }
  if (!config::has_errors(file.problems)) {
    out.append(file.file).append(": ").append(palette.paint("the file is in order", Tint::kGood)).append("\n");
  }
  for (const Finding& finding : file.findings) {
    constexpr std::size_t kWidth = 9;
    std::string word(word_of(finding.severity));
    const std::string padding(kWidth - word.size(), ' ');
    out += "  " + palette.paint(word, tint_of(finding.severity)) + padding + printable(finding.subject);
    if (!finding.message.empty()) out += ": " + printable(finding.message);
    out += "\n";
    if (!finding.fix.empty()) out += std::string(kWidth + 2, ' ') + "fix: " + printable(finding.fix) + "\n";
  }
}

std::string json_of(const Problem& problem) {
  const config::PlaceParts parts = config::split_place(problem.place);
  JsonObject object;
  object.text("severity", word_of(severity_of(problem))).text("place", problem.place);
  if (parts.line > 0) object.text("file", parts.file).number("line", parts.line).number("column", parts.column);
  object.text("message", problem.message);
  return std::move(object).finish();
}

std::string json_of(const Finding& finding) {
  JsonObject object;
  object.text("severity", word_of(finding.severity)).text("subject", finding.subject).text("message", finding.message);
  if (!finding.fix.empty()) object.text("fix", finding.fix);
  return std::move(object).finish();
}

std::string json_of(const FileFindings& file) {
  JsonArray findings;
  for (const Problem& problem : file.problems) findings.add(json_of(problem));
  for (const Finding& finding : file.findings) findings.add(json_of(finding));
  JsonObject object;
  object.text("file", file.file).raw("findings", std::move(findings).finish());
  return std::move(object).finish();
}

// Workflow commands end at a line break and take % as an escape.
std::string escaped_for_github(std::string_view text) {
  std::string out;
  for (const char letter : text) {
    if (letter == '%') {
      out += "%25";
    } else if (letter == '\n') {
      out += "%0A";
    } else if (letter == '\r') {
      out += "%0D";
    } else {
      out += letter;
    }
  }
  return out;
}

void append_github(std::string& out, const FileFindings& file) {
  for (const Problem& problem : file.problems) {
    const config::PlaceParts parts = config::split_place(problem.place);
    out.append("::").append(word_of(severity_of(problem))).append(" file=").append(file.file);
    if (parts.line > 0) {
      out.append(",line=").append(std::to_string(parts.line)).append(",col=").append(std::to_string(parts.column));
    }
    out.append("::").append(escaped_for_github(problem.message)).append("\n");
  }
  for (const Finding& finding : file.findings) {
    if (finding.severity == Finding::Severity::kOk) continue;
    std::string message = finding.subject + ": " + finding.message;
    if (!finding.fix.empty()) message += "\nfix: " + finding.fix;
    out.append("::").append(word_of(finding.severity)).append(" file=").append(file.file).append("::");
    out.append(escaped_for_github(message)).append("\n");
  }
}

}  // namespace

FindingCounts count(const std::vector<FileFindings>& files) {
  FindingCounts counts;
  for (const FileFindings& file : files) {
    for (const Problem& problem : file.problems) {
      ++(problem.severity == Problem::Severity::kError ? counts.file_errors : counts.warnings);
    }
    for (const Finding& finding : file.findings) {
      if (finding.severity == Finding::Severity::kError) ++counts.live_errors;
      if (finding.severity == Finding::Severity::kWarning) ++counts.warnings;
    }
  }
  return counts;
}

std::string format_findings(const std::vector<FileFindings>& files, FindingsFormat format, const Palette& palette) {
  std::string out;
  switch (format) {
    case FindingsFormat::kText:
      for (const FileFindings& file : files) append_text(out, file, palette);
      return out;
    case FindingsFormat::kGithub:
      for (const FileFindings& file : files) append_github(out, file);
      return out;
    case FindingsFormat::kJson: break;
  }
  const FindingCounts counts = count(files);
  JsonArray array;
  for (const FileFindings& file : files) array.add(json_of(file));
  JsonObject object;
  object.raw("files", std::move(array).finish())
      .number("errors", static_cast<std::int64_t>(counts.file_errors + counts.live_errors))
      .number("warnings", static_cast<std::int64_t>(counts.warnings));
  return std::move(object).finish() + "\n";
}

}  // namespace penstock::cli
