// penstock validate: what is wrong with a configuration, and with the systems that it names.
#include <memory>

#include "cli/catalogue.h"
#include "cli/commands.h"
#include "cli/configuration.h"
#include "cli/findings.h"
#include "cli/inspection.h"
#include "cli/spdlog_log.h"

namespace penstock::cli {
namespace {

struct ValidateOptions {
  std::vector<std::string> files;
  bool offline = false;
  bool deny_warnings = false;
  FindingsFormat format = FindingsFormat::kText;
};

FileFindings check(const std::string& file, const ValidateOptions& options, const Invocation& invocation, Log& log) {
  const auto missing = options.offline ? config::MissingReference::kWarning : config::MissingReference::kError;
  config::Loaded loaded = config::load_file({file, invocation.environment, {}, missing}, declarations());
  FileFindings result{file, std::move(loaded.problems), {}};
  if (loaded.settings && loaded.settings->routes.empty()) {
    result.problems.push_back({config::Problem::Severity::kWarning, file, "there is no route: nothing is relayed"});
  }
  if (loaded.settings && !options.offline) result.findings = inspect(*loaded.settings, log);
  return result;
}

ExitCode exit_of(const FindingCounts& counts, const ValidateOptions& options) {
  if (counts.file_errors > 0) return ExitCode::kConfig;
  if (counts.live_errors > 0) return ExitCode::kNegative;
  return options.deny_warnings && counts.warnings > 0 ? ExitCode::kNegative : ExitCode::kOk;
}

void validate(const ValidateOptions& options, Invocation& invocation) {
  std::vector<std::string> files = options.files;
  if (files.empty()) {
    const auto found = find_config_file(invocation);
    if (!found) {
      return invocation.fail(ExitCode::kConfig,
                             "there is no configuration: name a file, set PENSTOCK_CONFIG, or put penstock.toml here");
    }
    files.push_back(*found);
  }
  const SystemClock clock;
  SpdlogLog log(clock, {.table = {LogLevel::kError, config::LogTable::Format::kText}});
  std::vector<FileFindings> results;
  for (const std::string& file : files) results.push_back(check(file, options, invocation, log));
  const auto format = options.format == FindingsFormat::kText && invocation.format != OutputFormat::kTable
                          ? FindingsFormat::kJson
                          : options.format;
  invocation.out << format_findings(results, format, invocation.palette());
  invocation.exit = exit_of(count(results), options);
}

FindingsFormat format_of(const std::string& word) {
  if (word == "text") return FindingsFormat::kText;
  if (word == "json") return FindingsFormat::kJson;
  if (word == "github") return FindingsFormat::kGithub;
  throw CLI::ValidationError("--format", "unknown word \"" + word + "\"");
}

}  // namespace

void add_validate(CLI::App& app, Invocation& invocation) {
  CLI::App* command = app.add_subcommand(
      "validate", "Check a configuration, and, without --offline, the databases and brokers that it names");
  auto options = std::make_shared<ValidateOptions>();
  command->add_option("file", options->files, "Configuration files; default: as for the other commands")
      ->type_name("FILE");
  command->add_flag("--offline", options->offline,
                    "Check the file alone; references without a value here are warnings");
  command->add_flag("--deny-warnings", options->deny_warnings, "Exit 1 on warnings too");
  command
      ->add_option_function<std::string>(
          "--format", [options](const std::string& word) { options->format = format_of(word); }, "text, json or github")
      ->type_name("FORMAT");
  add_config_option(*command, invocation);
  add_output_options(*command, invocation);
  set_examples(*command, "penstock validate --offline penstock.toml",
               "penstock validate -c penstock.toml --format json");
  command->callback([options, &invocation] { validate(*options, invocation); });
}

}  // namespace penstock::cli
