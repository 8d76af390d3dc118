#include <fmt/format.h>

#include <cstdlib>

#include "cli/commands.h"
#include "cli/demo/demo_run.h"
#include "cli/demo/relay_process.h"

namespace penstock::cli {
namespace {

// What the broker in memory keeps of a partition allows some 20,000 events of this size.
constexpr std::size_t kMostEvents = 20'000;

struct DemoOptions {
  std::size_t events = DemoSettings().events;
  bool keep = false;
};

// A new folder below the temporary one, removed at the end unless it is to be kept.
class DemoFolder {
 public:
  explicit DemoFolder(bool keep) : keep_(keep) {}
  ~DemoFolder() {
    std::error_code ignored;
    if (!keep_ && !path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  DemoFolder(const DemoFolder&) = delete;
  DemoFolder& operator=(const DemoFolder&) = delete;

  Status make() {
    std::error_code none;
    std::string shape = (std::filesystem::temp_directory_path(none) / "penstock-demo-XXXXXX").string();
    if (none || mkdtemp(shape.data()) == nullptr) {
      return fail(codes::kInternal, "demo: no folder can be made in the temporary directory; set TMPDIR");
    }
    path_ = shape;
    return {};
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  bool keep_;
  std::filesystem::path path_;
};

void print_verdict(std::ostream& out, const DemoOutcome& outcome) {
  const Verdict& verdict = outcome.verdict;
  const auto row = [&out](std::string_view word, std::size_t number, std::string_view note) {
    out << fmt::format("  {:<13}{:>7}{}{}\n", word, number, note.empty() ? "" : "   ", note);
  };
  out << '\n';
  row("committed", verdict.committed,
      fmt::format("in {} transactions; {} more were rolled back", outcome.transactions, outcome.rolled_back));
  row("delivered", verdict.delivered, fmt::format("through {} kills of the relay", outcome.kills));
  row("lost", verdict.lost, "");
  row("out of order", verdict.out_of_order, "");
  row("duplicates", verdict.duplicates, "all with known ids and the bytes of the first");
  if (verdict.unknown > 0) row("unknown", verdict.unknown, "arrived, but were never committed");
  if (verdict.altered > 0) row("altered", verdict.altered, "arrived with another key or other bytes");
  out << (verdict.promise_held() ? "\nThe promise held.\n" : "\nTHE PROMISE DID NOT HOLD.\n");
}

// With the program's whole path: whoever tries the demo has rarely installed it.
void print_ways_to_look(std::ostream& out, const std::filesystem::path& folder) {
  const std::string config = (folder / "penstock.toml").string();
  const std::string program = path_of_this_program().value_or("penstock");
  out << fmt::format(
      "\nEverything is in {0}. Look around:\n"
      "  {2} status -c {1}\n"
      "  {2} read @all --limit 5 -c {1}\n"
      "  {2} read order-7 -o jsonl -c {1}\n"
      "  {2} streams ls -c {1}\n"
      "  less {0}/relay.log\n",
      folder.string(), config, program);
}

void run_demo(const DemoOptions& options, Invocation& invocation) {
  DemoFolder folder(options.keep);
  if (Status made = folder.make(); !made) return invocation.fail(made.error());
  DemoRun demo(DemoSettings{options.events, folder.path()}, invocation.out);
  const Result<DemoOutcome> outcome = demo.run();
  if (!outcome) {
    invocation.fail(outcome.error());
    if (&outcome.error().code() == &codes::kStopped) invocation.exit = ExitCode::kInterrupted;
    return;
  }
  print_verdict(invocation.out, *outcome);
  if (options.keep) print_ways_to_look(invocation.out, folder.path());
  if (!outcome->verdict.promise_held()) invocation.exit = ExitCode::kNegative;
}

}  // namespace

void add_demo(CLI::App& app, Invocation& invocation) {
  auto options = std::make_shared<DemoOptions>();
  CLI::App* command =
      app.add_subcommand("demo", "Show the whole way on this machine, with the relay killed on the way");
  command->add_option("--events", options->events, "How many events to commit")
      ->check(CLI::Range(std::size_t{100}, kMostEvents))
      ->capture_default_str();
  command->add_flag("--keep", options->keep, "Keep the files, and say how to look around");
  set_examples(*command, "penstock demo", "penstock demo --events 10000 --keep");
  command->callback([options, &invocation] { run_demo(*options, invocation); });
}

}  // namespace penstock::cli
