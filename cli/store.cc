// penstock store: looking after the store itself.
#include <memory>

#include "cli/commands.h"
#include "cli/json_writer.h"
#include "cli/store_command.h"

namespace penstock::cli {
namespace {

struct ScavengeOptions {
  std::uint64_t limit = 100'000;
};

void scavenge(const ScavengeOptions& options, Invocation& invocation) {
  auto opened = open_store(invocation, StoreUse::kWrite);
  if (!opened) return;
  const auto done = opened->store->retention().scavenge(options.limit);
  if (!done) return invocation.fail(done.error());
  const bool more = done->left == store::Scavenged::Left::kMore;
  if (invocation.format != OutputFormat::kTable) {
    JsonObject object;
    object.number("events", static_cast<std::int64_t>(done->events)).boolean("more", more);
    invocation.out << std::move(object).finish() << '\n';
    return;
  }
  invocation.out << done->events << " events removed" << (more ? ", more are left" : "") << '\n';
}

using Verdict = store::IntegrityCheck::Verdict;

TextTable::Cell word_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::kProved: return {"proved", Tint::kGood};
    case Verdict::kNote: return {"note", Tint::kWarning};
    case Verdict::kBroken: return {"broken", Tint::kBad};
  }
  return {"broken", Tint::kBad};
}

std::string json_of(const store::IntegrityCheck& check) {
  JsonObject object;
  object.text("subject", check.subject)
      .text("verdict", word_of(check.verdict).text)
      .boolean("proved", check.verdict == Verdict::kProved)
      .text("words", check.words);
  return std::move(object).finish();
}

void check(Invocation& invocation) {
  auto opened = open_store(invocation, StoreUse::kRead);
  if (!opened) return;
  const auto checks = opened->store->check_integrity();
  if (!checks) return invocation.fail(checks.error());
  TextTable table({"VERDICT", "CLAIM", "FIGURES"});
  JsonArray array;
  for (const store::IntegrityCheck& one : *checks) {
    if (one.verdict == Verdict::kBroken) invocation.exit = ExitCode::kNegative;
    switch (invocation.format) {
      case OutputFormat::kTable: table.add({word_of(one.verdict), one.subject, one.words}); break;
      case OutputFormat::kJson: array.add(json_of(one)); break;
      case OutputFormat::kJsonLines: invocation.out << json_of(one) << '\n'; break;
    }
  }
  if (invocation.format == OutputFormat::kTable) table.print(invocation.out, invocation.palette());
  if (invocation.format == OutputFormat::kJson) invocation.out << std::move(array).finish() << '\n';
}

}  // namespace

void add_store(CLI::App& app, Invocation& invocation) {
  CLI::App* command = app.add_subcommand("store", "Look after the store itself");
  command->require_subcommand(1);
  set_examples(*command, "penstock store check", "penstock store export events.jsonl");

  CLI::App* prove = command->add_subcommand("check", "Prove that the store is sound; reads all of it");
  add_config_option(*prove, invocation);
  add_output_options(*prove, invocation);
  set_examples(*prove, "penstock store check", "penstock store check -o json");
  prove->callback([&invocation] { check(invocation); });

  auto scavenging = std::make_shared<ScavengeOptions>();
  CLI::App* scavenger = command->add_subcommand("scavenge", "Free the space of events that are no longer read");
  scavenger->add_option("--limit", scavenging->limit, "About how many events; default: 100000")
      ->check(positive_number())
      ->type_name("N");
  add_config_option(*scavenger, invocation);
  add_output_options(*scavenger, invocation);
  set_examples(*scavenger, "penstock store scavenge", "penstock store scavenge --limit 1000000 -o json");
  scavenger->callback([scavenging, &invocation] { scavenge(*scavenging, invocation); });

  add_store_drop(*command, invocation);
  add_store_export(*command, invocation);
  add_store_import(*command, invocation);
}

}  // namespace penstock::cli
