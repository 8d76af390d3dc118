// penstock doctor: what is wrong with the systems that a configuration names, and what waits for an operator: one
// source or all of it.
#include <algorithm>
#include <iterator>
#include <memory>

#include "cli/commands.h"
#include "cli/configuration.h"
#include "cli/findings.h"
#include "cli/inspection.h"
#include "cli/spdlog_log.h"
#include "cli/waiting.h"

namespace penstock::cli {
namespace {

void examine(const std::string& source_name, Invocation& invocation) {
  const auto settings = load_settings(invocation, {});
  if (!settings) return;
  FileFindings result{find_config_file(invocation).value_or(""), {}, {}};
  const SystemClock clock;
  SpdlogLog log(clock, {.table = {LogLevel::kError, config::LogTable::Format::kText}});
  std::vector<connectors::Finding> waiting;
  if (source_name.empty()) {
    result.findings = inspect(*settings, log);
    waiting = find_waiting(*settings, log);
  } else if (const config::Endpoint* source = settings->find_source(source_name)) {
    result.findings = inspect_source(*source);
    waiting = find_waiting(*settings, source_name, log);
  } else {
    return invocation.fail(ExitCode::kUsage, "--source: the configuration has no source \"" + source_name + "\"");
  }
  std::ranges::move(waiting, std::back_inserter(result.findings));
  const auto format = invocation.format == OutputFormat::kTable ? FindingsFormat::kText : FindingsFormat::kJson;
  const std::vector<FileFindings> results{std::move(result)};
  invocation.out << format_findings(results, format, invocation.palette());
  invocation.exit = count(results).live_errors > 0 ? ExitCode::kNegative : ExitCode::kOk;
}

}  // namespace

void add_doctor(CLI::App& app, Invocation& invocation) {
  CLI::App* command = app.add_subcommand(
      "doctor",
      "Examine the store, the databases and the brokers, or one source, and what waits for an operator; each finding"
      " with what mends it");
  auto source = std::make_shared<std::string>();
  command
      ->add_option("--source", *source, "Only this source: server, rights, publication, slot, its gaps and its route")
      ->type_name("NAME");
  add_config_option(*command, invocation);
  add_output_options(*command, invocation);
  set_examples(*command, "penstock doctor -c penstock.toml", "penstock doctor --source orders -o json");
  command->callback([source, &invocation] { examine(*source, invocation); });
}

}  // namespace penstock::cli
