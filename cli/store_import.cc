// penstock store import: a file of `penstock store export` as the store.
#include <memory>

#include "cli/commands.h"
#include "cli/composition.h"
#include "cli/configuration.h"
#include "cli/json_writer.h"
#include "cli/progress_line.h"
#include "cli/store_command.h"
#include "core/random.h"
#include "store/archive/importer.h"

namespace penstock::cli {
namespace {

using store::archive::ImportSettings;
using store::archive::ImportSummary;

struct ImportOptions {
  std::string file;
  bool accept_cut = false, events_only = false, dry_run = false;
};

ImportSettings settings_of(const ImportOptions& options, const config::Settings& settings) {
  using store::archive::ArchiveReader, store::archive::Others;
  ImportSettings wanted;
  wanted.path = options.file;
  wanted.cut = options.accept_cut ? ArchiveReader::Cut::kAccepted : ArchiveReader::Cut::kRefused;
  wanted.others = options.events_only ? Others::kLeftOut : Others::kTaken;
  wanted.limits = limits_of(settings.limits);
  return wanted;
}

void print(const ImportSummary& summary, const ImportOptions& options, Invocation& invocation) {
  const bool is_whole = summary.whole == ImportSummary::Whole::kYes;
  if (invocation.format != OutputFormat::kTable) {
    JsonObject object;
    object.number("events", static_cast<std::int64_t>(summary.written))
        .number("verified_events", static_cast<std::int64_t>(summary.verified))
        .number("others", static_cast<std::int64_t>(summary.others))
        .position("head", summary.head)
        .boolean("whole", is_whole);
    invocation.out << std::move(object).finish() << '\n';
  } else if (options.dry_run) {
    invocation.out << "sound: " << summary.written << " events up to position " << summary.head.value << '\n';
  } else {
    invocation.out << summary.written << " events written, " << summary.verified
                   << " were there and are the same, up to position " << summary.head.value << '\n';
  }
  if (!is_whole) invocation.err << "penstock: note: the file has lost its end; what it still has was taken\n";
}

template <typename Work>
void report(const ImportOptions& options, Invocation& invocation, Work work) {
  const auto done = [&]() -> Result<ImportSummary> {
    const SystemClock clock;
    ProgressLine line(invocation.err, clock, shown_on_terminal());
    return work([&](const store::archive::Progress& progress) { line.show(progress.rows, progress.share); });
  }();
  if (!done) return invocation.fail(done.error());
  print(*done, options, invocation);
}

void prove(const ImportOptions& options, Invocation& invocation) {
  const auto settings = load_settings_of_store(invocation);
  if (!settings) return;
  report(options, invocation,
         [&](const auto& on_progress) { return prove_archive(settings_of(options, *settings), on_progress); });
}

void run_import(const ImportOptions& options, Invocation& invocation) {
  if (options.dry_run) return prove(options, invocation);
  auto opened = open_store(invocation, StoreUse::kWrite);
  if (!opened) return;
  SystemRandom random;
  const auto transfer = make_transfer(opened->settings, make_instance_name(random));
  if (!transfer) return invocation.fail(transfer.error());
  report(options, invocation, [&](const auto& on_progress) {
    return import_store(*opened->store, **transfer, settings_of(options, opened->settings), on_progress);
  });
}

}  // namespace

void add_store_import(CLI::App& store, Invocation& invocation) {
  CLI::App* command = store.add_subcommand(
      "import", "Fill an empty store from a file of `export`, or go on where an import was cut off");
  auto options = std::make_shared<ImportOptions>();
  command->add_option("file", options->file, "File, or - for standard input")->required();
  command->add_flag("--dry-run", options->dry_run, "Only prove that the file is whole; no store is opened");
  command->add_flag("--accept-cut", options->accept_cut, "Take what is there of a file that has lost its end");
  command->add_flag("--events-only", options->events_only, "Leave out checkpoints, parked rows and gap records");
  add_config_option(*command, invocation);
  add_output_options(*command, invocation);
  set_examples(*command, "penstock store import backup.jsonl -c new.toml",
               "zstd -dc backup.jsonl.zst | penstock store import -");
  command->callback([options, &invocation] { run_import(*options, invocation); });
}

}  // namespace penstock::cli
