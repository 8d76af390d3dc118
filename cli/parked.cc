// penstock parked: what was set aside, and why.
#include <memory>

#include "cli/commands.h"
#include "cli/json_writer.h"
#include "cli/store_command.h"
#include "core/json_text.h"

namespace penstock::cli {
namespace {

constexpr std::size_t kPage = 200;

struct ParkedOptions {
  std::string route;
  std::uint64_t limit = UINT64_MAX;
  std::int64_t number = 0;
};

std::string_view word_of(store::ParkedAs as) { return as == store::ParkedAs::kSkipped ? "skipped" : "parked"; }

// What an operator can do; nullopt for a code that this program doesn't know.
std::optional<std::string> hint_of(const store::ParkedEvent& row) {
  const ErrorCode* code = find_error_code(row.code);
  return code == nullptr ? std::nullopt : std::optional<std::string>(code->hint);
}

enum class Content { kShown, kLeftOut };

std::string json_of(const store::ParkedEvent& row, Content content) {
  JsonObject object;
  object.number("number", row.number)
      .text("as", word_of(row.as))
      .text("route", row.route)
      .text("source", row.source)
      .text("source_key", row.source_key);
  if (row.event_id) {
    object.text("event_id", row.event_id->to_string());
  } else {
    object.null("event_id");
  }
  object.text_or_null("key", row.key)
      .position_or_null("position", row.position)
      .text("code", row.code)
      .text("reason", row.reason)
      .text("kept", row.kept == store::ParkedEvent::Kept::kWhole ? "whole" : "by_reference")
      .time("parked_at", row.parked_at);
  if (content == Content::kShown) {
    object.text_or_null("hint", hint_of(row));
    if (is_json(row.content)) {
      object.raw("content", row.content);
    } else {
      object.text("content", row.content);
    }
  }
  return std::move(object).finish();
}

void list(const ParkedOptions& options, Invocation& invocation) {
  auto opened = open_store(invocation, StoreUse::kRead);
  if (!opened) return;
  TextTable table({"NUMBER", "AS", "ROUTE", "SOURCE", "SOURCE KEY", "KEY", "CODE", "PARKED AT", "REASON"});
  JsonArray array;
  std::int64_t after = 0;
  for (std::uint64_t left = options.limit; left > 0;) {
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(kPage, left));
    const auto page = opened->store->parked().list(options.route, after, wanted);
    if (!page) return invocation.fail(page.error());
    for (const store::ParkedEvent& row : *page) {
      switch (invocation.format) {
        case OutputFormat::kTable:
          table.add({std::to_string(row.number),
                     std::string(word_of(row.as)),
                     row.route,
                     row.source,
                     printable(row.source_key),
                     printable(row.key.value_or("")),
                     {row.code, Tint::kBad},
                     format_timestamp(row.parked_at),
                     printable(row.reason)});
          break;
        case OutputFormat::kJson: array.add(json_of(row, Content::kLeftOut)); break;
        case OutputFormat::kJsonLines: invocation.out << json_of(row, Content::kLeftOut) << '\n'; break;
      }
    }
    if (page->size() < wanted) break;
    left -= page->size();
    after = page->back().number;
  }
  if (invocation.format == OutputFormat::kTable) table.print(invocation.out, invocation.palette());
  if (invocation.format == OutputFormat::kJson) invocation.out << std::move(array).finish() << '\n';
}

void show(const ParkedOptions& options, Invocation& invocation) {
  auto opened = open_store(invocation, StoreUse::kRead);
  if (!opened) return;
  const auto found = opened->store->parked().find(options.number);
  if (!found) return invocation.fail(found.error());
  if (!*found) {
    return invocation.fail(ExitCode::kNegative, "there is no parked row " + std::to_string(options.number));
  }
  const store::ParkedEvent& row = **found;
  if (invocation.format != OutputFormat::kTable) {
    invocation.out << json_of(row, Content::kShown) << '\n';
    return;
  }
  TextTable table({"FIELD", "VALUE"});
  table.add({"number", std::to_string(row.number)});
  table.add({"as", std::string(word_of(row.as))});
  table.add({"route", row.route});
  table.add({"source", row.source});
  table.add({"source key", printable(row.source_key)});
  if (row.event_id) table.add({"event id", row.event_id->to_string()});
  if (row.key) table.add({"key", printable(*row.key)});
  if (row.position) table.add({"position", std::to_string(row.position->value)});
  table.add({"code", {row.code, Tint::kBad}});
  table.add({"reason", printable(row.reason)});
  if (const auto hint = hint_of(row)) table.add({"hint", *hint});
  table.add({"parked at", format_timestamp(row.parked_at)});
  table.add({"content", printable(row.content)});
  table.print(invocation.out, invocation.palette());
}

}  // namespace

void add_parked(CLI::App& app, Invocation& invocation) {
  CLI::App* command = app.add_subcommand("parked", "List what was set aside, or look at one row with its content");
  command->require_subcommand(1);
  set_examples(*command, "penstock parked ls", "penstock parked show 3 -o json");
  auto options = std::make_shared<ParkedOptions>();

  CLI::App* ls = command->add_subcommand("ls", "Parked rows by number");
  ls->add_option("--route", options->route, "Only of this route")->type_name("NAME");
  ls->add_option("--limit", options->limit, "Most rows; default: all")->check(positive_number())->type_name("N");
  add_config_option(*ls, invocation);
  add_output_options(*ls, invocation);
  set_examples(*ls, "penstock parked ls", "penstock parked ls --route orders-in -o jsonl");
  ls->callback([options, &invocation] { list(*options, invocation); });

  CLI::App* one = command->add_subcommand("show", "One parked row with its content");
  one->add_option("number", options->number, "Number of the row, as `parked ls` names it")
      ->required()
      ->check(whole_number());
  add_config_option(*one, invocation);
  add_output_options(*one, invocation);
  set_examples(*one, "penstock parked show 3", "penstock parked show 3 -o json");
  one->callback([options, &invocation] { show(*options, invocation); });
}

}  // namespace penstock::cli
