// What `penstock validate` says, in three forms: for people, for programs, for GitHub's annotations.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/output.h"
#include "config/problem.h"
#include "connectors/kind.h"

namespace penstock::cli {

enum class FindingsFormat { kText, kJson, kGithub };

// Everything that was found about one file and what it names.
struct FileFindings {
  std::string file;
  std::vector<config::Problem> problems;      // in the file itself
  std::vector<connectors::Finding> findings;  // in the systems that it names
};

struct FindingCounts {
  std::size_t file_errors = 0, live_errors = 0, warnings = 0;
};

FindingCounts count(const std::vector<FileFindings>& files);

std::string format_findings(const std::vector<FileFindings>& files, FindingsFormat format, const Palette& palette);

}  // namespace penstock::cli
