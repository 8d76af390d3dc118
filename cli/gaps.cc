// penstock gaps: events that were handed out and are gone.
#include <unistd.h>

#include <memory>
#include <optional>

#include "cli/commands.h"
#include "cli/json_writer.h"
#include "cli/store_command.h"
#include "connectors/wal/lsn.h"

namespace penstock::cli {
namespace {

struct GapsOptions {
  std::int64_t number = 0;
  std::optional<std::string> by;
};

enum class Events { kCounted, kNamed };

bool is_of_source(const store::GapRecord& gap) { return gap.of == store::GapRecord::Of::kSource; }

// Operators know places of the log in the server's own form.
std::string place_of(const store::GapRecord& gap, Position place) {
  return gap.reason.starts_with("wal.") ? wal::to_string(wal::lsn_of(place)) : std::to_string(place.value);
}

std::string whose(const store::GapRecord& gap) {
  if (gap.route == store::kClients) return "clients";
  return (is_of_source(gap) ? "source " : "route ") + gap.route;
}

// Nobody knows which events were between places of the log of a source.
std::string count_of(const store::GapRecord& gap) {
  if (is_of_source(gap) && gap.events.empty()) return "unknown";
  return std::to_string(gap.events.size()) + (gap.events.size() < store::kMostNamed ? "" : " or more");
}

std::string json_of(const store::GapRecord& gap, Events events) {
  JsonObject object;
  object.number("number", gap.number)
      .text("kind", store::to_string(gap.of))
      .text(is_of_source(gap) ? "source" : "route", gap.route)
      .text("reason", gap.reason)
      .text("from", place_of(gap, gap.from))
      .text("to", place_of(gap, gap.to))
      .number_or_null("events", is_of_source(gap) ? std::nullopt : std::optional<std::int64_t>(gap.events.size()))
      .time("recorded_at", gap.recorded_at);
  if (gap.acknowledged_by.empty()) {
    object.null("acknowledged_by");
  } else {
    object.text("acknowledged_by", gap.acknowledged_by);
  }
  if (events == Events::kNamed) {
    JsonArray ids;
    for (const EventId& id : gap.events) ids.add("\"" + id.to_string() + "\"");
    object.raw("event_ids", std::move(ids).finish());
  }
  return std::move(object).finish();
}

void list(Invocation& invocation) {
  auto opened = open_store(invocation, StoreUse::kRead);
  if (!opened) return;
  TextTable table({"NUMBER", "OF", "REASON", "FROM", "TO", "EVENTS", "RECORDED AT", "ACKNOWLEDGED BY"});
  JsonArray array;
  const auto add = [&](const store::GapRecord& gap) -> Result<store::VisitGaps> {
    switch (invocation.format) {
      case OutputFormat::kTable:
        table.add({std::to_string(gap.number),
                   whose(gap),
                   {gap.reason, Tint::kBad},
                   place_of(gap, gap.from),
                   place_of(gap, gap.to),
                   count_of(gap),
                   format_timestamp(gap.recorded_at),
                   printable(gap.acknowledged_by)});
        break;
      case OutputFormat::kJson: array.add(json_of(gap, Events::kCounted)); break;
      case OutputFormat::kJsonLines: invocation.out << json_of(gap, Events::kCounted) << '\n'; break;
    }
    return store::VisitGaps::kGoOn;
  };
  if (const auto visited = store::visit_gaps(opened->store->gaps(), add); !visited)
    return invocation.fail(visited.error());
  if (invocation.format == OutputFormat::kTable) table.print(invocation.out, invocation.palette());
  if (invocation.format == OutputFormat::kJson) invocation.out << std::move(array).finish() << '\n';
}

void show(const GapsOptions& options, Invocation& invocation) {
  auto opened = open_store(invocation, StoreUse::kRead);
  if (!opened) return;
  const auto found = opened->store->gaps().find(options.number);
  if (!found) return invocation.fail(found.error());
  if (!*found) return invocation.fail(ExitCode::kNegative, "there is no gap " + std::to_string(options.number));
  const store::GapRecord& gap = **found;
  if (invocation.format != OutputFormat::kTable) {
    invocation.out << json_of(gap, Events::kNamed) << '\n';
    return;
  }
  TextTable table({"FIELD", "VALUE"});
  table.add({"number", std::to_string(gap.number)});
  table.add({"of", whose(gap)});
  table.add({"reason", {gap.reason, Tint::kBad}});
  table.add({"from", place_of(gap, gap.from)});
  table.add({"to", place_of(gap, gap.to)});
  table.add({"events", count_of(gap)});
  table.add({"recorded at", format_timestamp(gap.recorded_at)});
  table.add({"acknowledged by", printable(gap.acknowledged_by)});
  for (const EventId& id : gap.events) table.add({"event", id.to_string()});
  table.print(invocation.out, invocation.palette());
}

// Who runs the command, as far as the system tells.
std::string current_user() {
  const char* name = ::getlogin();
  return name != nullptr && *name != '\0' ? name : "uid " + std::to_string(::getuid());
}

void acknowledge(const GapsOptions& options, Invocation& invocation) {
  if (options.by && options.by->empty()) return invocation.fail(ExitCode::kUsage, "--by names nobody");
  auto opened = open_store(invocation, StoreUse::kWrite);
  if (!opened) return;
  store::Gaps& gaps = opened->store->gaps();
  if (const auto done = gaps.acknowledge(options.number, options.by.value_or(current_user())); !done)
    return invocation.fail(done.error());
  const auto gap = gaps.find(options.number);
  if (!gap) return invocation.fail(gap.error());
  if (!*gap) return;
  if (invocation.format != OutputFormat::kTable) {
    invocation.out << json_of(**gap, Events::kCounted) << '\n';
    return;
  }
  invocation.out << "gap " << options.number << " of the " << store::to_string((*gap)->of) << ' '
                 << printable((*gap)->route) << " is acknowledged by " << printable((*gap)->acknowledged_by) << '\n';
}

}  // namespace

void add_gaps(CLI::App& app, Invocation& invocation) {
  CLI::App* command = app.add_subcommand("gaps", "Events that were handed out and are gone: list, look, acknowledge");
  command->require_subcommand(1);
  set_examples(*command, "penstock gaps ls", "penstock gaps ack 1 --by anna");
  auto options = std::make_shared<GapsOptions>();

  CLI::App* ls = command->add_subcommand("ls", "Gap records by number");
  add_config_option(*ls, invocation);
  add_output_options(*ls, invocation);
  set_examples(*ls, "penstock gaps ls", "penstock gaps ls -o json");
  ls->callback([&invocation] { list(invocation); });

  CLI::App* one = command->add_subcommand("show", "One gap record with the ids of its events");
  one->add_option("number", options->number, "Number of the record, as `gaps ls` names it")
      ->required()
      ->check(whole_number());
  add_config_option(*one, invocation);
  add_output_options(*one, invocation);
  set_examples(*one, "penstock gaps show 1", "penstock gaps show 1 -o json");
  one->callback([options, &invocation] { show(*options, invocation); });

  CLI::App* ack = command->add_subcommand("ack", "Acknowledge a gap: its route goes on");
  ack->add_option("number", options->number, "Number of the record, as `gaps ls` names it")
      ->required()
      ->check(whole_number());
  ack->add_option("--by", options->by, "Who acknowledges it; default: the user of the system")->type_name("NAME");
  add_config_option(*ack, invocation);
  add_output_options(*ack, invocation);
  set_examples(*ack, "penstock gaps ack 1", "penstock gaps ack 1 --by anna");
  ack->callback([options, &invocation] { acknowledge(*options, invocation); });
}

}  // namespace penstock::cli
