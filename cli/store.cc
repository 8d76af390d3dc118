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

}  // namespace

void add_store(CLI::App& app, Invocation& invocation) {
  CLI::App* command = app.add_subcommand("store", "Look after the store itself");
  command->require_subcommand(1);
  set_examples(*command, "penstock store scavenge", "penstock store scavenge --limit 1000000 -o json");

  auto scavenging = std::make_shared<ScavengeOptions>();
  CLI::App* free = command->add_subcommand("scavenge", "Free the space of events that are no longer read");
  free->add_option("--limit", scavenging->limit, "About how many events; default: 100000")->type_name("N");
  add_config_option(*free, invocation);
  add_output_options(*free, invocation);
  set_examples(*free, "penstock store scavenge", "penstock store scavenge --limit 1000000 -o json");
  free->callback([scavenging, &invocation] { scavenge(*scavenging, invocation); });
}

}  // namespace penstock::cli
