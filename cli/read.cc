// penstock read: the events of a stream or of the whole log.
#include <algorithm>
#include <memory>

#include "cli/commands.h"
#include "cli/store_command.h"
#include "core/json_text.h"

namespace penstock::cli {
namespace {

constexpr std::string_view kAll = "@all";
constexpr std::size_t kPage = 500;

struct ReadOptions {
  std::string stream;
  std::optional<std::int64_t> from;
  std::optional<std::uint64_t> limit;
  bool backward = false;
};

// Prints events as they come, in the format that is asked for.
class EventPrinter {
 public:
  explicit EventPrinter(Invocation& invocation) : invocation_(invocation) {
    if (invocation_.format == OutputFormat::kJson) invocation_.out << "[";
  }

  void print(const Event& event) {
    if (invocation_.format == OutputFormat::kTable) return add_row(event);
    line_.clear();
    append_event_json(line_, event);
    if (invocation_.format == OutputFormat::kJson) {
      invocation_.out << (count_ == 0 ? "" : ",\n") << line_;
    } else {
      invocation_.out << line_ << '\n';
    }
    ++count_;
  }

  void end_page() {
    if (invocation_.format == OutputFormat::kTable) table_.print(invocation_.out, invocation_.palette());
    invocation_.out.flush();
  }

  void finish() {
    end_page();
    if (invocation_.format == OutputFormat::kJson) invocation_.out << "]\n";
  }

 private:
  void add_row(const Event& event) {
    const auto time = event.occurred_at ? event.occurred_at : event.recorded_at;
    table_.add({event.position ? std::to_string(event.position->value) : "", printable(event.stream),
                event.version ? std::to_string(event.version->value) : "", printable(event.type), event.id.to_string(),
                time ? format_timestamp(*time) : "", event.data ? std::to_string(event.data->size()) : "none"});
  }

  Invocation& invocation_;
  TextTable table_{{"POSITION", "STREAM", "VERSION", "TYPE", "ID", "OCCURRED", "BYTES"}};
  std::string line_;
  std::uint64_t count_ = 0;
};

// Follows pages until the end or the limit.
class Reader {
 public:
  Reader(const ReadOptions& options, store::Store& store, Invocation& invocation)
      : options_(options), store_(store), printer_(invocation), left_(options.limit.value_or(UINT64_MAX)) {}

  // The error of the page that could not be read; whether there is such a stream.
  enum class Found { kYes, kNo };
  Result<Found> read() {
    auto found = options_.stream == kAll ? read_log() : read_stream();
    printer_.finish();
    return found;
  }

 private:
  store::ReadLimit next_limit() const {
    store::ReadLimit limit;
    limit.events = static_cast<std::size_t>(std::min<std::uint64_t>(kPage, left_));
    return limit;
  }

  void print(const EventBatch& events) {
    for (const Event& event : events.events()) {
      if (left_ == 0) break;
      printer_.print(event);
      --left_;
    }
    printer_.end_page();
  }

  Result<Found> read_stream() {
    const auto direction = options_.backward ? store::Direction::kBackward : store::Direction::kForward;
    std::optional<Version> from;
    if (options_.from) from = Version{*options_.from};
    while (left_ > 0) {
      const auto page = store_.events().read_stream(options_.stream, from, direction, next_limit());
      if (!page) return fail(page.error());
      if (!page->last_version) return Found::kNo;
      print(*page->events);
      if (!page->next) break;
      from = page->next;
    }
    return Found::kYes;
  }

  Result<Found> read_log() { return options_.backward ? read_log_backward() : read_log_forward(); }

  Result<Found> read_log_forward() {
    Position after{std::max<std::int64_t>(options_.from.value_or(1), 1) - 1};
    while (left_ > 0) {
      const auto page = store_.log().read_after(after, next_limit(), {});
      if (!page) return fail(page.error());
      print(*page->events);
      if (page->reached == after) break;
      after = page->reached;
    }
    return Found::kYes;
  }

  Result<Found> read_log_backward() {
    const auto head = store_.log().head();
    if (!head) return fail(head.error());
    Position before = head->next();
    if (options_.from) before = Position{std::min(*options_.from, head->value)}.next();
    while (left_ > 0 && before.value > 1) {
      const auto page = store_.log().read_before(before, next_limit(), {});
      if (!page) return fail(page.error());
      print(*page->events);
      if (page->reached >= before) break;
      before = page->reached;
    }
    return Found::kYes;
  }

  const ReadOptions& options_;
  store::Store& store_;
  EventPrinter printer_;
  std::uint64_t left_;
};

void read(const ReadOptions& options, Invocation& invocation) {
  auto opened = open_store(invocation, StoreUse::kRead);
  if (!opened) return;
  const auto found = Reader(options, *opened->store, invocation).read();
  if (!found) return invocation.fail(found.error());
  if (*found == Reader::Found::kNo) {
    invocation.fail(ExitCode::kNegative, "there is no stream " + printable(options.stream));
  }
}

}  // namespace

void add_read(CLI::App& app, Invocation& invocation) {
  CLI::App* command = app.add_subcommand("read", "Read a stream, or the whole log");
  auto options = std::make_shared<ReadOptions>();
  command->add_option("stream", options->stream, "Stream, or @all for the log")->required();
  command->add_option("--from", options->from, "First version of a stream, first position of @all; inclusive")
      ->check(CLI::NonNegativeNumber.description(""))
      ->type_name("N");
  command->add_option("--limit", options->limit, "Most events; default: all")->type_name("N");
  command->add_flag("--backward", options->backward, "From the newest to the oldest");
  add_config_option(*command, invocation);
  add_output_options(*command, invocation);
  set_examples(*command, "penstock read order-7", "penstock read @all --from 100 --limit 10 -o jsonl");
  command->callback([options, &invocation] { read(*options, invocation); });
}

}  // namespace penstock::cli
