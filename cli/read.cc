// penstock read: the events of a stream or of the whole log.
#include <algorithm>
#include <memory>

#include "cli/commands.h"
#include "cli/store_command.h"
#include "core/json_text.h"
#include "core/timestamp_text.h"
#include "store/retention.h"

namespace penstock::cli {
namespace {

constexpr std::string_view kAll = "@all";
constexpr std::size_t kPage = 500;

struct ReadOptions {
  std::string stream;
  std::optional<std::int64_t> from;
  std::optional<std::uint64_t> limit;
  bool backward = false;
  std::string since;
  store::LogFilter filter;
  std::vector<std::string> metadata;  // NAME=TEXT, as given
};

// What only @all can be asked for, or the word that is wrong with it.
std::optional<std::string> misuse(const ReadOptions& options) {
  const bool asks = !options.since.empty() || !options.metadata.empty() || !options.filter.admits_all();
  if (asks && options.stream != kAll) return "--since and filters belong to " + std::string(kAll);
  if (!options.since.empty() && !parse_timestamp(options.since))
    return "--since " + printable(options.since) + " is no time like 2026-02-03T04:05:06Z";
  if (!options.since.empty() && options.from) return std::string("--since and --from exclude each other");
  for (const std::string& member : options.metadata)
    if (member.find('=') == std::string::npos) return "--metadata " + printable(member) + " is not NAME=TEXT";
  return std::nullopt;
}

store::LogFilter filter_of(const ReadOptions& options) {
  store::LogFilter filter = options.filter;
  for (const std::string& member : options.metadata) {
    const auto equals = member.find('=');
    filter.metadata.push_back({member.substr(0, equals), member.substr(equals + 1)});
  }
  return filter;
}

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

  // False once nothing can be written any more: whoever read it has gone, or the disk is full.
  bool end_page() {
    if (invocation_.format == OutputFormat::kTable) table_.print(invocation_.out, invocation_.palette());
    invocation_.out.flush();
    return invocation_.out.good();
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
      : options_(options),
        store_(store),
        filter_(filter_of(options)),
        printer_(invocation),
        err_(invocation.err),
        left_(options.limit.value_or(UINT64_MAX)) {}

  // Of the stream that was read.
  store::StreamState state() const { return state_; }

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
    if (!printer_.end_page()) left_ = 0;
  }

  Result<Found> read_stream() {
    const auto direction = options_.backward ? store::Direction::kBackward : store::Direction::kForward;
    std::optional<Version> from;
    if (options_.from) from = Version{*options_.from};
    while (left_ > 0) {
      const auto page = store_.events().read_stream(options_.stream, from, direction, next_limit());
      if (!page) return fail(page.error());
      if (!page->last_version) return Found::kNo;
      state_ = page->state;
      print(*page->events);
      if (!page->next) break;
      from = page->next;
    }
    return Found::kYes;
  }

  Result<Found> read_log() { return options_.backward ? read_log_backward() : read_log_forward(); }

  Result<Found> read_log_forward() {
    const auto first = start();
    if (!first) return fail(first.error());
    const auto begin = first->has_value() ? Result<Position>(**first) : begin_of_log();
    if (!begin) return fail(begin.error());
    Position after{std::max<std::int64_t>(begin->value, 1) - 1};
    while (left_ > 0) {
      const auto page = store_.log().read_after(after, next_limit(), filter_);
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
    const auto last = start();
    if (!last) return fail(last.error());
    if (*last) before = std::min(**last, *head).next();
    const auto floor = store_.log().floor();
    if (!floor) return fail(floor.error());
    if (options_.from && before <= floor->next() && *floor > Position{0}) return fail(store::removed_below(*floor));
    if (!options_.since.empty() && !*last) return Found::kYes;
    while (left_ > 0 && before.value > 1) {
      const auto page = store_.log().read_before(before, next_limit(), filter_);
      if (!page) return fail(page.error());
      print(*page->events);
      if (page->reached >= before) break;
      before = page->reached;
    }
    return Found::kYes;
  }

  // The first position that there is; says so where the beginning of the log was dropped.
  Result<Position> begin_of_log() {
    const auto floor = store_.log().floor();
    if (!floor) return fail(floor.error());
    if (*floor > Position{0}) err_ << "penstock: note: " << store::removed_below(*floor).message() << '\n';
    return floor->next();
  }

  // Where to begin by position or time; nullopt: at the end that the direction begins with.
  Result<std::optional<Position>> start() {
    if (options_.from) return Position{*options_.from};
    if (options_.since.empty()) return std::nullopt;
    const Timestamp since = *parse_timestamp(options_.since);
    if (options_.backward) return store_.log().last_before(since);
    auto first = store_.log().first_since(since);
    if (!first || *first) return first;
    const auto head = store_.log().head();
    if (!head) return fail(head.error());
    return head->next();
  }

  const ReadOptions& options_;
  store::Store& store_;
  const store::LogFilter filter_;
  EventPrinter printer_;
  std::ostream& err_;
  std::uint64_t left_;
  store::StreamState state_ = store::StreamState::kLive;
};

void read(const ReadOptions& options, Invocation& invocation) {
  if (const auto wrong = misuse(options)) return invocation.fail(ExitCode::kUsage, *wrong);
  auto opened = open_store(invocation, StoreUse::kRead);
  if (!opened) return;
  Reader reader(options, *opened->store, invocation);
  const auto found = reader.read();
  if (!found) return invocation.fail(found.error());
  if (*found == Reader::Found::kNo) {
    return invocation.fail(ExitCode::kNegative, "there is no stream " + printable(options.stream));
  }
  if (reader.state() != store::StreamState::kLive) {
    invocation.err << "stream " << printable(options.stream) << " is " << store::to_string(reader.state())
                   << ": nothing of it is read\n";
  }
}

}  // namespace

void add_read(CLI::App& app, Invocation& invocation) {
  CLI::App* command = app.add_subcommand("read", "Read a stream, or the whole log");
  auto options = std::make_shared<ReadOptions>();
  command->add_option("stream", options->stream, "Stream, or @all for the log")->required();
  command->add_option("--from", options->from, "First version of a stream, first position of @all; inclusive")
      ->check(whole_number())
      ->type_name("N");
  command->add_option("--limit", options->limit, "Most events; default: all")->check(positive_number())->type_name("N");
  command->add_flag("--backward", options->backward, "From the newest to the oldest");
  command
      ->add_option("--since", options->since,
                   "Of @all: begin with the first event recorded at this time; backwards, with the last before it")
      ->type_name("TIME");
  command->add_option("--category", options->filter.categories, "Of @all: only this category; repeat it for others")
      ->type_name("NAME")
      ->allow_extra_args(false);
  command->add_option("--type", options->filter.types, "Of @all: only this type; repeat it for others")
      ->type_name("NAME")
      ->allow_extra_args(false);
  command->add_option("--stream-prefix", options->filter.stream_prefix, "Of @all: only streams that begin with this")
      ->type_name("TEXT");
  command->add_option("--tag", options->filter.tags, "Of @all: only events with this tag")
      ->type_name("TAG")
      ->allow_extra_args(false);
  command->add_option("--metadata", options->metadata, "Of @all: only events whose metadata has this member")
      ->type_name("NAME=TEXT")
      ->allow_extra_args(false);
  add_config_option(*command, invocation);
  add_output_options(*command, invocation);
  set_examples(*command, "penstock read order-7",
               "penstock read @all --category order --since 2026-02-03T04:05:06Z -o jsonl");
  command->callback([options, &invocation] { read(*options, invocation); });
}

}  // namespace penstock::cli
