// penstock doctor: what is wrong with the systems that a configuration names, one source or all of it.
#include <memory>

#include "cli/commands.h"
#include "cli/configuration.h"
#include "cli/findings.h"
#include "cli/inspection.h"
#include "cli/spdlog_log.h"

namespace penstock::cli {
namespace {

void examine(const std::string& source_name, Invocation& invocation) {
  const auto settings = load_settings(invocation, {});
  if (!settings) return;
  FileFindings result{find_config_file(invocation).value_or(""), {}, {}};
  if (source_name.empty()) {
    const SystemClock clock;
    SpdlogLog log(clock, {.table = {LogLevel::kError, config::LogTable::Format::kText}});
    result.findings = inspect(*settings, log);
  } else if (const config::Endpoint* source = settings->find_source(source_name)) {
    result.findings = inspect_source(*source);
  } else {
    return invocation.fail(ExitCode::kUsage, "--source: the configuration has no source \"" + source_name + "\"");
  }
  const auto format = invocation.format == OutputFormat::kTable ? FindingsFormat::kText : FindingsFormat::kJson;
  const std::vector<FileFindings> results{std::move(result)};
  invocation.out << format_findings(results, format, invocation.palette());
  invocation.exit = count(results).live_errors > 0 ? ExitCode::kNegative : ExitCode::kOk;
}

}  // namespace

void add_doctor(CLI::App& app, Invocation& invocation) {
  CLI::App* command = app.add_subcommand(
      "doctor", "Examine the store, the databases and the brokers, or one source; each finding with what mends it");
  auto source = std::make_shared<std::string>();
  command->add_option("--source", *source, "Only this source: server, rights, publication, slot")->type_name("NAME");
  add_config_option(*command, invocation);
  add_output_options(*command, invocation);
  set_examples(*command, "penstock doctor -c penstock.toml", "penstock doctor --source orders -o json");
  command->callback([source, &invocation] { examine(*source, invocation); });
}

}  // namespace penstock::cli
