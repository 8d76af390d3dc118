// penstock streams: which streams there are, and what is kept of them.
#include <charconv>
#include <memory>

#include "cli/commands.h"
#include "cli/expected_version.h"
#include "cli/json_writer.h"
#include "cli/store_command.h"

namespace penstock::cli {
namespace {

constexpr std::size_t kPage = 500;

struct StreamsOptions {
  std::string after, prefix;
  std::optional<std::uint64_t> limit;
  std::string name;
  bool tombstone = false;
  std::string expected = "any";
  std::int64_t before = 0;
  std::optional<std::uint64_t> max_count;
  std::string max_age;
};

std::string json_of(const store::StreamSummary& stream) {
  JsonObject object;
  object.text("stream", stream.name)
      .text("category", stream.category)
      .number("last_version", stream.last_version.value);
  return std::move(object).finish();
}

void list(const StreamsOptions& options, Invocation& invocation) {
  auto opened = open_store(invocation, StoreUse::kRead);
  if (!opened) return;
  TextTable table({"STREAM", "CATEGORY", "LAST VERSION"});
  JsonArray array;
  std::uint64_t left = options.limit.value_or(UINT64_MAX);
  for (std::string after = options.after; left > 0;) {
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(kPage, left));
    const auto page = opened->store->events().streams({after, options.prefix, wanted});
    if (!page) return invocation.fail(page.error());
    for (const store::StreamSummary& stream : *page) {
      switch (invocation.format) {
        case OutputFormat::kTable:
          table.add({printable(stream.name), printable(stream.category), std::to_string(stream.last_version.value)});
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
  const auto events = page->events->events();
  const Event* last = events.empty() ? nullptr : &events.front();
  if (invocation.format != OutputFormat::kTable) {
    JsonObject object;
    object.text("stream", options.name).number("last_version", page->last_version->value);
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
  table.add({"last version", std::to_string(page->last_version->value)});
  if (last != nullptr) {
    table.add({"category", printable(last->category)});
    if (last->position) table.add({"last position", std::to_string(last->position->value)});
    table.add({"last type", printable(last->type)});
    if (last->recorded_at) table.add({"last recorded at", format_timestamp(*last->recorded_at)});
  }
  table.print(invocation.out, invocation.palette());
}

// "30d", "12h", "15m", "90s": nullopt for anything else.
std::optional<std::chrono::microseconds> parse_age(std::string_view text) {
  if (text.size() < 2) return std::nullopt;
  std::int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size() - 1, count);
  constexpr std::int64_t kMost = 100'000'000;
  if (error != std::errc() || end != text.data() + text.size() - 1 || count <= 0 || count > kMost) return std::nullopt;
  switch (text.back()) {
    case 's': return std::chrono::seconds(count);
    case 'm': return std::chrono::minutes(count);
    case 'h': return std::chrono::hours(count);
    case 'd': return std::chrono::hours(24) * count;
    default: return std::nullopt;
  }
}

void remove(const StreamsOptions& options, Invocation& invocation) {
  const auto expected = parse_expected_version(options.expected);
  if (!expected) {
    return invocation.fail(ExitCode::kUsage, "--expected-version: \"" + printable(options.expected) +
                                                 "\" is no expected version (expected any, none, exists or a number)");
  }
  auto opened = open_store(invocation, StoreUse::kWrite);
  if (!opened) return;
  const auto removal = options.tombstone ? store::Removal::kTombstone : store::Removal::kDelete;
  if (const auto done = opened->store->retention().remove(options.name, removal, *expected); !done)
    return invocation.fail(done.error());
}

void truncate(const StreamsOptions& options, Invocation& invocation) {
  auto opened = open_store(invocation, StoreUse::kWrite);
  if (!opened) return;
  if (const auto done = opened->store->retention().truncate(options.name, Version{options.before}); !done)
    return invocation.fail(done.error());
}

void set_limits(const StreamsOptions& options, Invocation& invocation) {
  store::StreamLimits limits{.max_count = options.max_count};
  if (!options.max_age.empty()) {
    limits.max_age = parse_age(options.max_age);
    if (!limits.max_age) {
      return invocation.fail(ExitCode::kUsage,
                             "--max-age " + printable(options.max_age) + " is no time like 90s, 15m, 12h or 30d");
    }
  }
  auto opened = open_store(invocation, StoreUse::kWrite);
  if (!opened) return;
  if (const auto done = opened->store->retention().set_limits(options.name, limits); !done)
    return invocation.fail(done.error());
}

void add_removing(CLI::App& command, const std::shared_ptr<StreamsOptions>& options, Invocation& invocation) {
  CLI::App* gone = command.add_subcommand("delete", "Read nothing more of a stream");
  gone->add_option("stream", options->name, "Stream")->required();
  gone->add_flag("--tombstone", options->tombstone, "For ever: nobody can write to it again");
  gone->add_option("--expected-version", options->expected, "any, none, exists or the last version; default: any")
      ->type_name("V");
  add_config_option(*gone, invocation);
  set_examples(*gone, "penstock streams delete order-7", "penstock streams delete order-7 --tombstone");
  gone->callback([options, &invocation] { remove(*options, invocation); });

  CLI::App* cut = command.add_subcommand("truncate", "Read no early versions of a stream any more");
  cut->add_option("stream", options->name, "Stream")->required();
  cut->add_option("--before", options->before, "First version that is kept")
      ->required()
      ->check(CLI::NonNegativeNumber.description(""))
      ->type_name("N");
  add_config_option(*cut, invocation);
  set_examples(*cut, "penstock streams truncate order-7 --before 100", "penstock store scavenge");
  cut->callback([options, &invocation] { truncate(*options, invocation); });

  CLI::App* set = command.add_subcommand("set", "Limit a stream; a limit that is not given ends");
  set->add_option("stream", options->name, "Stream")->required();
  set->add_option("--max-count", options->max_count, "Keep the last N events")->type_name("N");
  set->add_option("--max-age", options->max_age, "Keep events this long: 90s, 15m, 12h, 30d")->type_name("D");
  add_config_option(*set, invocation);
  set_examples(*set, "penstock streams set order-7 --max-count 1000", "penstock streams set clicks-1 --max-age 30d");
  set->callback([options, &invocation] { set_limits(*options, invocation); });
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
  ls->add_option("--limit", options->limit, "Most streams; default: all")->check(whole_number())->type_name("N");
  add_config_option(*ls, invocation);
  add_output_options(*ls, invocation);
  set_examples(*ls, "penstock streams ls", "penstock streams ls --prefix order- --limit 20 -o jsonl");
  ls->callback([options, &invocation] { list(*options, invocation); });

  add_removing(*command, options, invocation);

  CLI::App* one = command->add_subcommand("show", "One stream");
  one->add_option("stream", options->name, "Stream")->required();
  add_config_option(*one, invocation);
  add_output_options(*one, invocation);
  set_examples(*one, "penstock streams show order-7", "penstock streams show order-7 -o json");
  one->callback([options, &invocation] { show(*options, invocation); });
}

}  // namespace penstock::cli
