// Collects what `penstock validate` finds about one outbox table.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "connectors/kind.h"

namespace penstock::outbox {

class Inspection {
 public:
  explicit Inspection(std::string subject) : subject_(std::move(subject)) {}

  // Says that all is well, unless an error was found.
  void ok_if_no_error(std::string message) {
    const auto is_error = [](const auto& finding) { return finding.severity == connectors::Finding::Severity::kError; };
    if (std::ranges::none_of(findings_, is_error)) add(connectors::Finding::Severity::kOk, std::move(message), "");
  }
  void warn(std::string message, std::string fix) {
    add(connectors::Finding::Severity::kWarning, std::move(message), std::move(fix));
  }
  void error(std::string message, std::string fix) {
    add(connectors::Finding::Severity::kError, std::move(message), std::move(fix));
  }
  std::vector<connectors::Finding> findings() && { return std::move(findings_); }

 private:
  void add(connectors::Finding::Severity severity, std::string message, std::string fix) {
    findings_.push_back({severity, subject_, std::move(message), std::move(fix)});
  }

  std::string subject_;
  std::vector<connectors::Finding> findings_;
};

}  // namespace penstock::outbox
