// penstock store drop: whole old ranges of the log go.
#include <algorithm>
#include <memory>

#include "cli/commands.h"
#include "cli/json_writer.h"
#include "cli/progress_line.h"
#include "cli/store_command.h"
#include "cli/stream_retention.h"
#include "core/clock.h"
#include "store/dropping.h"

namespace penstock::cli {
namespace {

struct DropOptions {
  std::optional<std::int64_t> before;
  std::string older_than;
  std::vector<std::string> past;
  bool plan = false;
};

// The last position that goes.
Result<Position> floor_of(const DropOptions& options, store::Store& store) {
  if (options.before) return Position{*options.before - 1};
  const SystemClock clock;
  const auto last = store.log().last_before(clock.wall_now() - *parse_age(options.older_than));
  if (!last) return fail(last.error());
  return last->value_or(Position{0});
}

bool is_named(const DropOptions& options, const std::string& route) {
  return std::ranges::find(options.past, route) != options.past.end();
}

void print(const store::DropPlan& plan, const DropOptions& options, Invocation& invocation) {
  const std::int64_t positions = std::max<std::int64_t>(plan.last.value - plan.first.value + 1, 0);
  JsonArray behind;
  TextTable table({"ROUTE", "CHECKPOINT", "DROPPED"});
  for (const auto& [route, checkpoint] : plan.behind) {
    const bool named = is_named(options, route);
    if (!named) invocation.exit = ExitCode::kNegative;
    JsonObject object;
    object.text("route", route).position("checkpoint", checkpoint).boolean("passed", named);
    behind.add(std::move(object).finish());
    table.add({route, std::to_string(checkpoint.value),
               named ? TextTable::Cell("past it, with a gap record", Tint::kWarning)
                     : TextTable::Cell("not while it needs what follows", Tint::kBad)});
  }
  if (invocation.format != OutputFormat::kTable) {
    JsonObject object;
    object.position("floor", plan.floor)
        .position("first", plan.first)
        .position("last", plan.last)
        .number("positions", positions)
        .raw("routes_behind", std::move(behind).finish());
    invocation.out << std::move(object).finish() << '\n';
    return;
  }
  if (positions == 0) {
    invocation.out << "nothing would go\n";
  } else {
    invocation.out << "positions " << plan.first.value << " to " << plan.last.value << " would go\n";
  }
  if (!plan.behind.empty()) table.print(invocation.out, invocation.palette());
}

void print(const store::DropSummary& summary, Invocation& invocation) {
  if (invocation.format != OutputFormat::kTable) {
    JsonArray gaps;
    for (const std::int64_t gap : summary.gaps) gaps.add(std::to_string(gap));
    JsonObject object;
    object.position("floor", summary.floor)
        .number("events", static_cast<std::int64_t>(summary.events))
        .raw("gaps", std::move(gaps).finish());
    invocation.out << std::move(object).finish() << '\n';
    return;
  }
  invocation.out << summary.events << " events dropped; the log begins at position " << summary.floor.next().value
                 << '\n';
  for (const std::int64_t gap : summary.gaps)
    invocation.out << "what a route loses is gap " << gap << ": `penstock gaps show " << gap
                   << "`, then `penstock gaps "
                   << "ack " << gap << "`\n";
}

void run_drop(const DropOptions& options, Invocation& invocation) {
  if (options.before.has_value() == !options.older_than.empty())
    return invocation.fail(ExitCode::kUsage, "give --before POSITION or --older-than AGE");
  if (!options.older_than.empty() && !parse_age(options.older_than))
    return invocation.fail(ExitCode::kUsage,
                           "--older-than " + printable(options.older_than) + " is no time like 90s, 15m, 12h or 30d");
  auto opened = open_store(invocation, options.plan ? StoreUse::kRead : StoreUse::kWrite);
  if (!opened) return;
  const auto floor = floor_of(options, *opened->store);
  if (!floor) return invocation.fail(floor.error());
  if (options.plan) {
    const auto plan = store::plan_drop(*opened->store, *floor);
    return plan ? print(*plan, options, invocation) : invocation.fail(plan.error());
  }
  const SystemClock clock;
  const auto done = [&] {
    ProgressLine line(invocation.err, clock, shown_on_terminal());
    return store::drop(*opened->store, {*floor, options.past},
                       [&](std::uint64_t events) { line.show(events, std::nullopt); });
  }();
  done ? print(*done, invocation) : invocation.fail(done.error());
}

}  // namespace

void add_store_drop(CLI::App& store, Invocation& invocation) {
  CLI::App* command = store.add_subcommand("drop", "Take whole old ranges away: the log begins behind them");
  auto options = std::make_shared<DropOptions>();
  command->add_option("--before", options->before, "First position that is kept")
      ->check(positive_number())
      ->type_name("POSITION");
  command->add_option("--older-than", options->older_than, "What was recorded longer ago: 90s, 15m, 12h, 30d")
      ->type_name("AGE");
  command
      ->add_option("--past", options->past,
                   "Also what this route has not delivered yet; that becomes a gap record, and the route waits for "
                   "`penstock gaps ack`")
      ->type_name("ROUTE")
      ->allow_extra_args(false);
  command->add_flag("--plan", options->plan, "Only show what would go, and the routes that are in the way");
  add_config_option(*command, invocation);
  add_output_options(*command, invocation);
  set_examples(*command, "penstock store drop --older-than 90d --plan", "penstock store drop --before 1000000");
  command->callback([options, &invocation] { run_drop(*options, invocation); });
}

}  // namespace penstock::cli
