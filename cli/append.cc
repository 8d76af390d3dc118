// penstock append: one event from standard input into a stream.
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <memory>

#include "cli/commands.h"
#include "cli/expected_version.h"
#include "cli/json_writer.h"
#include "cli/store_command.h"
#include "core/json_text.h"
#include "core/random.h"
#include "core/timestamp_text.h"

namespace penstock::cli {
namespace {

constexpr std::chrono::seconds kPatience{30};

struct AppendOptions {
  std::string stream, type, category, expected = "any", content_type = "application/json", metadata = "{}", occurred_at;
  std::optional<std::string> id;  // given and empty is a mistake, such as a variable that was never set
  bool no_data = false;
};

// All of standard input, or one byte more than the limit. An error is the operating system's number.
tl::expected<std::string, int> read_input(std::size_t limit) {
  std::string data;
  std::array<char, 64 << 10> block;
  while (data.size() <= limit) {
    const ssize_t got = ::read(STDIN_FILENO, block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return tl::unexpected(errno);
    if (got == 0) break;
    data.append(block.data(), static_cast<std::size_t>(got));
  }
  return data;
}

// What the flags mean, checked before anything is read or opened.
struct WantedAppend {
  EventId id;
  store::ExpectedVersion expected;
  std::optional<Timestamp> occurred_at;
};

std::optional<WantedAppend> check_options(const AppendOptions& options, Invocation& invocation) {
  WantedAppend wanted;
  const auto expected = parse_expected_version(options.expected);
  if (!expected) {
    invocation.fail(ExitCode::kUsage, "--expected-version: \"" + printable(options.expected) +
                                          "\" is no expected version (expected any, none, exists or a number)");
    return std::nullopt;
  }
  wanted.expected = *expected;
  if (!options.id) {
    SystemRandom random;
    wanted.id = make_event_id(SystemClock(), random);
  } else if (const auto id = EventId::parse(*options.id)) {
    wanted.id = *id;
  } else {
    invocation.fail(ExitCode::kUsage, "--id: " + id.error().describe());
    return std::nullopt;
  }
  if (!options.occurred_at.empty()) {
    wanted.occurred_at = parse_timestamp(options.occurred_at);
    if (!wanted.occurred_at) {
      invocation.fail(ExitCode::kUsage, "--occurred-at: \"" + printable(options.occurred_at) +
                                            "\" is no time (expected one such as 2026-02-03T04:05:06Z)");
      return std::nullopt;
    }
  }
  return wanted;
}

void print_receipt(const store::AppendReceipt& receipt, const AppendOptions& options, Invocation& invocation) {
  if (invocation.format == OutputFormat::kTable) {
    TextTable table({"STREAM", "VERSION", "POSITION"});
    table.add({printable(options.stream), std::to_string(receipt.last_version.value),
               std::to_string(receipt.last_position.value)});
    return table.print(invocation.out, invocation.palette());
  }
  JsonObject object;
  object.text("stream", options.stream)
      .number("first_version", receipt.first_version.value)
      .number("last_version", receipt.last_version.value)
      .position("first_position", receipt.first_position)
      .position("last_position", receipt.last_position);
  invocation.out << std::move(object).finish() << '\n';
}

// A conflict also says what was expected and what is there, as far as that can still be read.
void report_failure(const Error& error, const store::ExpectedVersion& expected, const AppendOptions& options,
                    store::Store& store, Invocation& invocation) {
  if (error.kind() != ErrorKind::kConflict || &error.code() == &codes::kStoreCategoryMismatch)
    return invocation.fail(error);
  const auto page = store.events().read_stream(options.stream, std::nullopt, store::Direction::kBackward, {1, 1});
  std::string actual = "unknown";
  if (page) actual = page->last_version ? std::to_string(page->last_version->value) : "none";
  if (invocation.format != OutputFormat::kTable) {
    JsonObject object;
    object.text("code", error.code().name).text("message", error.message()).text("stream", options.stream);
    if (const auto* version = std::get_if<Version>(&expected)) {
      object.number("expected", version->value);
    } else {
      object.text("expected", to_string(expected));
    }
    if (page && page->last_version) {
      object.number("actual", page->last_version->value);
    } else {
      object.text("actual", actual);
    }
    invocation.out << std::move(object).finish() << '\n';
  }
  invocation.fail(exit_code_of(error), error.describe());
  invocation.err << "expected " << to_string(expected) << ", actual " << actual << '\n';
}

// The stream's own, where it has events.
Result<std::string> category_of(const AppendOptions& options, store::Store& store) {
  if (!options.category.empty()) return options.category;
  const auto page = store.events().read_stream(options.stream, std::nullopt, store::Direction::kBackward, {1, 1});
  if (!page) return fail(page.error());
  const auto events = page->events->events();
  return std::string(events.empty() ? default_category(options.stream) : events.front().category);
}

// Of a failure that may pass, or that left it open what became of the event.
void say_how_to_repeat(const Error& error, EventId id, Invocation& invocation) {
  if (error.kind() == ErrorKind::kConflict || error.kind() == ErrorKind::kInvalid) return;
  invocation.err << "penstock: note: to append it again, and once only, add --id " << id.to_string() << '\n';
}

void append(const AppendOptions& options, Invocation& invocation) {
  const auto wanted = check_options(options, invocation);
  if (!wanted) return;
  if (!is_json_object(options.metadata)) {
    return invocation.fail(ExitCode::kBadData, "--metadata is no JSON object");
  }
  auto opened = open_store(invocation, StoreUse::kWrite);
  if (!opened) return;

  const std::size_t limit = opened->settings.limits.event_bytes;
  if (!options.no_data && ::isatty(STDIN_FILENO) == 1)
    invocation.err << "penstock: note: the data is read from this terminal; end it with Ctrl-D, or use --no-data\n";
  const auto input = options.no_data ? std::string() : read_input(limit);
  if (!input) return invocation.fail(ExitCode::kIo, "standard input can't be read");
  if (input->size() > limit) {
    return invocation.fail(Error(codes::kStoreLimitExceeded, "standard input has more than the " +
                                                                 std::to_string(limit) + " bytes that are allowed"));
  }
  if (options.content_type == "application/json" && !options.no_data && !is_json(*input)) {
    invocation.err << "penstock: note: the data is not JSON though its content type says so; --content-type names "
                      "another\n";
  }
  const auto category = category_of(options, *opened->store);
  if (!category) return invocation.fail(category.error());
  Event event;
  event.id = wanted->id;
  event.stream = options.stream;
  event.category = *category;
  event.type = options.type;
  if (!options.no_data) event.data = *input;
  event.content_type = options.content_type;
  event.metadata = options.metadata;
  event.occurred_at = wanted->occurred_at;

  store::AppendRequest request;
  request.expected = wanted->expected;
  request.events.push_back(make_event(event));
  const auto receipt = opened->store->events().append_and_wait(std::move(request), Deadline::in(kPatience));
  if (receipt) return print_receipt(*receipt, options, invocation);
  report_failure(receipt.error(), wanted->expected, options, *opened->store, invocation);
  if (!options.id) say_how_to_repeat(receipt.error(), wanted->id, invocation);
}

}  // namespace

void add_append(CLI::App& app, Invocation& invocation) {
  CLI::App* command = app.add_subcommand("append", "Append one event, its data from standard input");
  auto options = std::make_shared<AppendOptions>();
  command->add_option("stream", options->stream, "Stream")->required();
  command->add_option("--type", options->type, "Event type")->required();
  command->add_option(
      "--category", options->category,
      "Category; default: that of the stream's last event that can be read, else the text before its first `-`");
  command->add_option("--id", options->id, "Event id; the same id again is answered as the first time")
      ->type_name("UUID");
  command->add_option("--expected-version", options->expected, "any, none, exists or the stream's last version")
      ->type_name("VERSION");
  command->add_option("--content-type", options->content_type, "Content type of the data")->capture_default_str();
  command->add_option("--metadata", options->metadata, "A JSON object")->type_name("JSON");
  command->add_option("--occurred-at", options->occurred_at, "When it happened, RFC 3339; default: now")
      ->type_name("TIME");
  command->add_flag("--no-data", options->no_data, "An event without data; standard input is not read");
  add_config_option(*command, invocation);
  add_output_options(*command, invocation);
  set_examples(*command, R"(echo '{"total":12}' | penstock append order-7 --type placed)",
               "penstock append order-7 --type shipped --expected-version 0 -o json < shipped.json");
  command->callback([options, &invocation] { append(*options, invocation); });
}

}  // namespace penstock::cli
