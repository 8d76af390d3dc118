// Collects what `penstock validate` finds about one outbox table.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "connectors/kind.h"

namespace penstock::outbox {

class Inspection {
 public:
  explicit Inspection(std::string subject) : subject_(std::move(subject)) {}

  void ok(std::string message) { add(connectors::Finding::Severity::kOk, std::move(message), ""); }
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
