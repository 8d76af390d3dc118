// penstock types: which types of events there are, and how many of each.
#include "cli/commands.h"
#include "cli/json_writer.h"
#include "cli/store_command.h"

namespace penstock::cli {
namespace {

std::string json_of(const store::KindCount& kind) {
  JsonObject object;
  object.text("category", kind.category)
      .text("type", kind.type)
      .number("events", static_cast<std::int64_t>(kind.events));
  return std::move(object).finish();
}

void list(Invocation& invocation) {
  auto opened = open_store(invocation, StoreUse::kRead);
  if (!opened) return;
  const auto kinds = opened->store->events().kinds();
  if (!kinds) return invocation.fail(kinds.error());
  TextTable table({"CATEGORY", "TYPE", "EVENTS"});
  JsonArray array;
  for (const store::KindCount& kind : *kinds) {
    switch (invocation.format) {
      case OutputFormat::kTable:
        table.add({printable(kind.category), printable(kind.type), std::to_string(kind.events)});
        break;
      case OutputFormat::kJson: array.add(json_of(kind)); break;
      case OutputFormat::kJsonLines: invocation.out << json_of(kind) << '\n'; break;
    }
  }
  if (invocation.format == OutputFormat::kTable) table.print(invocation.out, invocation.palette());
  if (invocation.format == OutputFormat::kJson) invocation.out << std::move(array).finish() << '\n';
}

}  // namespace

void add_types(CLI::App& app, Invocation& invocation) {
  CLI::App* command = app.add_subcommand("types", "List categories and types of events, with counts");
  command->require_subcommand(1);
  set_examples(*command, "penstock types ls", "penstock types ls -o json");

  CLI::App* ls = command->add_subcommand("ls", "Events by category and type");
  add_config_option(*ls, invocation);
  add_output_options(*ls, invocation);
  set_examples(*ls, "penstock types ls", "penstock types ls -o jsonl");
  ls->callback([&invocation] { list(invocation); });
}

}  // namespace penstock::cli
