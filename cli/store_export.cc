// penstock store export: the store as a file.
#include <memory>

#include "cli/commands.h"
#include "cli/composition.h"
#include "cli/json_writer.h"
#include "cli/progress_line.h"
#include "cli/store_command.h"
#include "core/random.h"
#include "store/archive/exporter.h"

namespace penstock::cli {
namespace {

using store::archive::ExportSettings;

struct ExportOptions {
  std::string file, format;  // no format: jsonl, or that of the file that is gone on with
  std::optional<std::int64_t> after;
  bool resume = false, overwrite = false, events_only = false;
};

ExportSettings settings_of(const ExportOptions& options) {
  using store::archive::ArchiveFile, store::archive::Others, store::archive::Style;
  ExportSettings settings;
  settings.path = options.file;
  if (!options.format.empty())
    settings.style = options.format == "cloudevents" ? Style::kCloudEvents : Style::kJsonLines;
  if (options.after) settings.after = Position{*options.after};
  settings.others = options.events_only ? Others::kLeftOut : Others::kTaken;
  settings.existing = options.overwrite ? ArchiveFile::Existing::kReplaced : ArchiveFile::Existing::kRefused;
  settings.begin = options.resume ? ExportSettings::Begin::kResumed : ExportSettings::Begin::kNew;
  settings.program = PENSTOCK_VERSION;
  return settings;
}

void print(const store::archive::ExportSummary& summary, const ExportOptions& options, Invocation& invocation) {
  if (options.file == "-") return;  // there is the archive itself
  if (invocation.format != OutputFormat::kTable) {
    JsonObject object;
    object.text("file", options.file)
        .number("events", static_cast<std::int64_t>(summary.rows))
        .number("resumed_events", static_cast<std::int64_t>(summary.resumed_rows))
        .position("head", summary.head)
        .text("sha256", summary.sha256);
    invocation.out << std::move(object).finish() << '\n';
    return;
  }
  invocation.out << summary.rows << " events up to position " << summary.head.value << " are in "
                 << printable(options.file);
  if (summary.resumed_rows > 0) invocation.out << ", " << summary.resumed_rows << " of them from the export before";
  invocation.out << '\n';
}

void run_export(const ExportOptions& options, Invocation& invocation) {
  if (options.resume && options.file == "-")
    return invocation.fail(ExitCode::kUsage, "standard output can't be gone on with: --resume needs a file");
  if (options.resume && options.after)
    return invocation.fail(ExitCode::kUsage, "--resume and --after exclude each other");
  auto opened = open_store(invocation, StoreUse::kRead);
  if (!opened) return;
  const SystemClock clock;
  SystemRandom random;
  const auto transfer = make_transfer(opened->settings, make_instance_name(random));
  if (!transfer) return invocation.fail(transfer.error());
  const auto done = [&] {
    ProgressLine line(invocation.err, clock, shown_on_terminal());
    return export_store(*opened->store, **transfer, settings_of(options), clock,
                        [&](const auto& progress) { line.show(progress.rows, progress.share); });
  }();
  if (!done) return invocation.fail(done.error());
  print(*done, options, invocation);
}

}  // namespace

void add_store_export(CLI::App& store, Invocation& invocation) {
  CLI::App* command = store.add_subcommand(
      "export", "Write events, and what else must not be lost with them, to a file that `import` reads");
  auto options = std::make_shared<ExportOptions>();
  command->add_option("file", options->file, "File, or - for standard output")->required();
  command
      ->add_option("--format", options->format,
                   "jsonl unless FILE.partial says otherwise, or cloudevents: one in its structured mode a line")
      ->check(CLI::IsMember({"jsonl", "cloudevents"}))
      ->type_name("FORMAT");
  command->add_option("--after", options->after, "Only events behind this position: what an earlier export lacks")
      ->check(whole_number())
      ->type_name("N");
  command->add_flag("--resume", options->resume, "Go on with FILE.partial, which an export that was cut off has left");
  command->add_flag("--overwrite", options->overwrite, "Replace FILE, once the new one is complete");
  command->add_flag("--events-only", options->events_only, "Leave out checkpoints, parked rows and gap records");
  add_config_option(*command, invocation);
  add_output_options(*command, invocation);
  set_examples(*command, "penstock store export backup.jsonl", "penstock store export - | zstd > backup.jsonl.zst");
  command->callback([options, &invocation] { run_export(*options, invocation); });
}

}  // namespace penstock::cli
