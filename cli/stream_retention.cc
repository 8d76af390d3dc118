#include "cli/stream_retention.h"

#include <algorithm>
#include <charconv>
#include <memory>

#include "cli/commands.h"
#include "cli/expected_version.h"
#include "cli/store_command.h"

namespace penstock::cli {
namespace {

struct RetentionOptions {
  std::string name;
  bool tombstone = false;
  std::string expected = "any";
  std::int64_t before = 0;
  std::optional<std::uint64_t> max_count;
  std::string max_age;
};

std::optional<std::int64_t> seconds_of(const store::StreamLimits& limits) {
  if (!limits.max_age) return std::nullopt;
  return std::chrono::floor<std::chrono::seconds>(*limits.max_age).count();
}

std::optional<std::int64_t> count_of(const store::StreamLimits& limits) {
  if (!limits.max_count) return std::nullopt;
  return static_cast<std::int64_t>(*limits.max_count);
}

// What is kept from now on.
void tell(store::Store& store, const std::string& stream, Invocation& invocation) {
  const auto kept = find_kept(store, stream);
  if (!kept) return invocation.fail(kept.error());
  if (!*kept) return;
  if (invocation.format != OutputFormat::kTable) {
    JsonObject object;
    object.text("stream", stream);
    add_retention(object, **kept);
    invocation.out << std::move(object).finish() << '\n';
    return;
  }
  TextTable table({"FIELD", "VALUE"});
  table.add({"stream", printable(stream)});
  add_retention(table, **kept);
  table.print(invocation.out, invocation.palette());
  invocation.err << "`penstock store scavenge` frees the space of what is no longer read\n";
}

void remove(const RetentionOptions& options, Invocation& invocation) {
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
  tell(*opened->store, options.name, invocation);
}

void truncate(const RetentionOptions& options, Invocation& invocation) {
  auto opened = open_store(invocation, StoreUse::kWrite);
  if (!opened) return;
  if (const auto done = opened->store->retention().truncate(options.name, Version{options.before}); !done)
    return invocation.fail(done.error());
  tell(*opened->store, options.name, invocation);
}

void set_limits(const RetentionOptions& options, Invocation& invocation) {
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
  tell(*opened->store, options.name, invocation);
}

}  // namespace

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

Result<std::optional<KeptOfStream>> find_kept(store::Store& store, const std::string& stream) {
  const auto rules = store.retention().find(stream);
  if (!rules) return fail(rules.error());
  if (!*rules) return std::nullopt;
  const auto page = store.events().read_stream(stream, std::nullopt, store::Direction::kForward, {1, 1});
  if (!page) return fail(page.error());
  KeptOfStream kept{**rules, (*rules)->first_readable()};
  const auto events = page->events->events();
  if (!events.empty()) {
    kept.first_read = std::max(kept.first_read, *events.front().version);
  } else if (kept.rules.state == store::StreamState::kLive) {
    kept.first_read = Version{kept.rules.last_version.value + 1};
  }
  return kept;
}

void add_retention(JsonObject& object, const KeptOfStream& kept) {
  object.number("last_version", kept.rules.last_version.value)
      .text("state", store::to_string(kept.rules.state))
      .number("first_readable", kept.first_read.value)
      .number_or_null("max_count", count_of(kept.rules.limits))
      .number_or_null("max_age_seconds", seconds_of(kept.rules.limits));
}

void add_retention(TextTable& table, const KeptOfStream& kept) {
  table.add({"last version", std::to_string(kept.rules.last_version.value)});
  table.add({"state", std::string(store::to_string(kept.rules.state))});
  table.add({"read from version", std::to_string(kept.first_read.value)});
  if (const auto count = count_of(kept.rules.limits)) table.add({"max count", std::to_string(*count)});
  if (const auto age = seconds_of(kept.rules.limits)) table.add({"max age", std::to_string(*age) + " s"});
}

void add_stream_retention(CLI::App& command, Invocation& invocation) {
  auto options = std::make_shared<RetentionOptions>();
  CLI::App* gone = command.add_subcommand("delete", "Read nothing more of a stream");
  gone->add_option("stream", options->name, "Stream")->required();
  gone->add_flag("--tombstone", options->tombstone, "For ever: nobody can write to it again");
  gone->add_option("--expected-version", options->expected, "any, none, exists or the last version; default: any")
      ->type_name("V");
  add_config_option(*gone, invocation);
  add_output_options(*gone, invocation);
  set_examples(*gone, "penstock streams delete order-7", "penstock streams delete order-7 --tombstone");
  gone->callback([options, &invocation] { remove(*options, invocation); });

  CLI::App* cut = command.add_subcommand("truncate", "Read no early versions of a stream any more");
  cut->add_option("stream", options->name, "Stream")->required();
  cut->add_option("--before", options->before, "First version that is kept")
      ->required()
      ->check(whole_number())
      ->type_name("N");
  add_config_option(*cut, invocation);
  add_output_options(*cut, invocation);
  set_examples(*cut, "penstock streams truncate order-7 --before 100", "penstock store scavenge");
  cut->callback([options, &invocation] { truncate(*options, invocation); });

  CLI::App* set = command.add_subcommand("set", "Limit a stream; a limit that is not given ends");
  set->add_option("stream", options->name, "Stream")->required();
  set->add_option("--max-count", options->max_count, "Keep the last N events")
      ->check(positive_number())
      ->type_name("N");
  set->add_option("--max-age", options->max_age, "Keep events this long: 90s, 15m, 12h, 30d")->type_name("D");
  add_config_option(*set, invocation);
  add_output_options(*set, invocation);
  set_examples(*set, "penstock streams set order-7 --max-count 1000", "penstock streams set clicks-1 --max-age 30d");
  set->callback([options, &invocation] { set_limits(*options, invocation); });
}

}  // namespace penstock::cli
