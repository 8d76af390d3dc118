// penstock streams: which streams there are.
#include <memory>

#include "cli/commands.h"
#include "cli/json_writer.h"
#include "cli/store_command.h"
#include "cli/stream_retention.h"

namespace penstock::cli {
namespace {

constexpr std::size_t kPage = 500;

struct StreamsOptions {
  std::string after, prefix;
  std::optional<std::uint64_t> limit;
  std::string name;
};

std::string json_of(const store::StreamSummary& stream) {
  JsonObject object;
  object.text("stream", stream.name)
      .text("category", stream.category)
      .number("last_version", stream.last_version.value)
      .text("state", store::to_string(stream.state));
  return std::move(object).finish();
}

void list(const StreamsOptions& options, Invocation& invocation) {
  auto opened = open_store(invocation, StoreUse::kRead);
  if (!opened) return;
  TextTable table({"STREAM", "CATEGORY", "LAST VERSION", "STATE"});
  JsonArray array;
  std::uint64_t left = options.limit.value_or(UINT64_MAX);
  for (std::string after = options.after; left > 0;) {
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(kPage, left));
    const auto page = opened->store->events().streams({after, options.prefix, wanted});
    if (!page) return invocation.fail(page.error());
    for (const store::StreamSummary& stream : *page) {
      switch (invocation.format) {
        case OutputFormat::kTable:
          table.add({printable(stream.name), printable(stream.category), std::to_string(stream.last_version.value),
                     std::string(store::to_string(stream.state))});
          break;
        case OutputFormat::kJson: array.add(json_of(stream)); break;
        case OutputFormat::kJsonLines: invocation.out << json_of(stream) << '\n'; break;
      }
    }
    if (page->size() < wanted) break;
    left -= page->size();
    after = page->back().name;
  }
  if (invocation.format == OutputFormat::kTable) table.print(invocation.out, invocation.palette());
  if (invocation.format == OutputFormat::kJson) invocation.out << std::move(array).finish() << '\n';
}

void show(const StreamsOptions& options, Invocation& invocation) {
  auto opened = open_store(invocation, StoreUse::kRead);
  if (!opened) return;
  const auto page =
      opened->store->events().read_stream(options.name, std::nullopt, store::Direction::kBackward, {1, 1});
  if (!page) return invocation.fail(page.error());
  if (!page->last_version) {
    return invocation.fail(ExitCode::kNegative, "there is no stream " + printable(options.name));
  }
  const auto kept = find_kept(*opened->store, options.name);
  if (!kept) return invocation.fail(kept.error());
  const auto events = page->events->events();
  const Event* last = events.empty() ? nullptr : &events.front();
  if (invocation.format != OutputFormat::kTable) {
    JsonObject object;
    object.text("stream", options.name);
    if (*kept) add_retention(object, **kept);
    if (last != nullptr) {
      object.text("category", last->category)
          .position_or_null("last_position", last->position)
          .text("last_type", last->type);
      if (last->recorded_at) object.time("last_recorded_at", *last->recorded_at);
    }
    invocation.out << std::move(object).finish() << '\n';
    return;
  }
  TextTable table({"FIELD", "VALUE"});
  table.add({"stream", printable(options.name)});
  if (*kept) add_retention(table, **kept);
  if (last != nullptr) {
    table.add({"category", printable(last->category)});
    if (last->position) table.add({"last position", std::to_string(last->position->value)});
    table.add({"last type", printable(last->type)});
    if (last->recorded_at) table.add({"last recorded at", format_timestamp(*last->recorded_at)});
  }
  table.print(invocation.out, invocation.palette());
}

}  // namespace

void add_streams(CLI::App& app, Invocation& invocation) {
  CLI::App* command = app.add_subcommand("streams", "List streams, look at one, or change what is kept of it");
  command->require_subcommand(1);
  set_examples(*command, "penstock streams ls", "penstock streams show order-7 -o json");
  auto options = std::make_shared<StreamsOptions>();

  CLI::App* ls = command->add_subcommand("ls", "All streams by name");
  ls->add_option("--after", options->after, "Only names that sort after this one")->type_name("NAME");
  ls->add_option("--prefix", options->prefix, "Only names that begin with this")->type_name("TEXT");
  ls->add_option("--limit", options->limit, "Most streams; default: all")->check(positive_number())->type_name("N");
  add_config_option(*ls, invocation);
  add_output_options(*ls, invocation);
  set_examples(*ls, "penstock streams ls", "penstock streams ls --prefix order- --limit 20 -o jsonl");
  ls->callback([options, &invocation] { list(*options, invocation); });

  add_stream_retention(*command, invocation);

  CLI::App* one = command->add_subcommand("show", "One stream");
  one->add_option("stream", options->name, "Stream")->required();
  add_config_option(*one, invocation);
  add_output_options(*one, invocation);
  set_examples(*one, "penstock streams show order-7", "penstock streams show order-7 -o json");
  one->callback([options, &invocation] { show(*options, invocation); });
}

}  // namespace penstock::cli
