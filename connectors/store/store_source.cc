#include "connectors/store/store_source.h"

#include <algorithm>
#include <deque>

#include "connectors/store/read_ahead.h"
#include "core/invariant.h"

namespace penstock::connectors {
namespace {

// A page is at most this much of the room, so that reading and sending overlap.
constexpr std::size_t kPageEvents = 2'000;
constexpr std::size_t kPageBytes = 4 << 20;
// What is read ahead lies outside of the window: at most this part of it, but that few events always.
constexpr std::size_t kShareAhead = 4;
constexpr std::size_t kFewAhead = 256;
constexpr std::chrono::milliseconds kRetryLater{5};
constexpr std::chrono::seconds kHeadAge{1};

std::string text_of(Position position) { return std::to_string(position.value); }

class StoreSource final : public Source {
 public:
  StoreSource(StoreSourceSettings settings, store::EventLog& log, store::Checkpoints& checkpoints, store::Gaps& gaps,
              Log& words)
      : settings_(std::move(settings)),
        log_(log),
        checkpoints_(checkpoints),
        gaps_(gaps),
        words_(words),
        tail_(settings_.route, settings_.on_lost_tail, log, gaps, words),
        ahead_(log, settings_.filter) {}

  Status open(const OpenRequest& request, Deadline deadline, std::stop_token stop) override;
  Result<ReadBatch> read(const ReadRoom& room, Deadline deadline, std::stop_token stop) override;
  Status settle(ReadMark mark) override;
  void close() override;
  SourceFigures figures() const override;

 private:
  Status take_former_name_over();
  Result<store::Checkpoint> load_or_create();
  Result<store::Checkpoint> create_at_start();
  Result<Position> begin_behind(Position checkpoint);
  Status compare_event_at(const store::Checkpoint& checkpoint);
  void warn_of_what_is_unknown(const store::Checkpoint& checkpoint);
  Status look_at_head();
  Error beyond_head(std::string what) const;
  Error explained(Error error) const;

  enum class Beyond { kEvents, kNothing };
  Result<Beyond> wait_for_events(Deadline deadline, const std::stop_token& stop);
  std::optional<Result<store::LogPage>> next_page(const ReadRoom& room, const std::stop_token& stop);
  Result<store::LogPage> fetch(const ReadRoom& room);
  Status check_page(const store::LogPage& page) const;
  ReadBatch hand_out(const ReadRoom& room);
  void read_ahead();

  const StoreSourceSettings settings_;
  store::EventLog& log_;
  store::Checkpoints& checkpoints_;
  store::Gaps& gaps_;
  Log& words_;

  TailWatch tail_;                   // what was handed out, also by former openings
  std::optional<Epoch> last_epoch_;  // of the last opening
  std::uint64_t generation_ = 0;     // of the log, when it was opened

  Lease lease_;
  Position read_up_to_, settled_up_to_;  // read = handed out
  ReadMark last_settled_{0};
  std::deque<store::Settled> unsettled_;              // [0] belongs to the mark after last_settled_
  std::optional<store::LogPage> page_;                // what of it there was no room for is kept back
  std::size_t handed_out_ = 0;                        // events of page_
  store::ReadLimit widest_{.events = 0, .bytes = 0};  // room that was ever given: about the window
  ReadAhead ahead_;

  mutable Position head_;
  mutable std::chrono::steady_clock::time_point head_seen_at_{};
  enum class Opening { kNone, kOpen } opening_ = Opening::kNone;
  bool has_settled_ = false;
  std::uint64_t reads_ = 0;
};

Status StoreSource::open(const OpenRequest& request, Deadline deadline, std::stop_token stop) {
  close();
  lease_ = request.lease;
  // First: what stands under the former name holds for this one, also a gap that nobody has acknowledged.
  if (auto renamed = take_former_name_over(); !renamed) return renamed;
  const auto compared_with = tail_.compare();
  if (!compared_with) return fail(compared_with.error());
  generation_ = *compared_with;
  const auto checkpoint = load_or_create();
  if (!checkpoint) return fail(checkpoint.error());
  if (stop.stop_requested()) return fail(codes::kStopped, "route " + settings_.route + ": opening was stopped");
  if (deadline.expired())
    return fail(codes::kTimeout, "route " + settings_.route + ": the store took too long to open the log");
  if (auto looked = look_at_head(); !looked) return looked;
  if (checkpoint->position > head_)
    return fail(explained(beyond_head("the checkpoint is at position " + text_of(checkpoint->position))));
  if (auto compared = compare_event_at(*checkpoint); !compared) return fail(explained(std::move(compared.error())));
  warn_of_what_is_unknown(*checkpoint);
  const auto begin = begin_behind(checkpoint->position);
  if (!begin) return fail(begin.error());

  read_up_to_ = *begin;
  settled_up_to_ = checkpoint->position;
  has_settled_ = true;
  opening_ = Opening::kOpen;
  return {};
}

Status StoreSource::take_former_name_over() {
  if (settings_.renamed_from.empty()) return {};
  auto renamed = checkpoints_.rename(lease_, settings_.renamed_from, settings_.route);
  if (renamed) return {};
  return fail(
      std::move(renamed.error()).with_context("carrying over the checkpoint of route " + settings_.renamed_from));
}

Result<store::Checkpoint> StoreSource::load_or_create() {
  auto loaded = checkpoints_.load(settings_.route);
  if (!loaded) return fail(std::move(loaded.error()).with_context("loading the checkpoint of " + settings_.route));
  if (*loaded) return **std::move(loaded);
  return create_at_start();
}

Result<store::Checkpoint> StoreSource::create_at_start() {
  if (auto looked = look_at_head(); !looked) return fail(std::move(looked.error()));
  const auto floor = log_.floor();
  if (!floor) return fail(Error(floor.error()).with_context("reading the floor of the log"));
  Position start = settings_.start_after.value_or(std::max(head_, *floor));
  if (start > head_) return fail(beyond_head("`start` names position " + text_of(start)));
  if (start == Position{0} && *floor > start) {
    start = *floor;
    words_.write(LogLevel::kWarn, "store", codes::kStoreRemoved.name,
                 "the route begins at the earliest event that there is: " + store::removed_below(start).message(),
                 {{"route", settings_.route}, {"position", text_of(start)}});
  }
  if (start < *floor)
    return fail(store::removed_below(*floor).with_context("route " + settings_.route + ": `start` names position " +
                                                          text_of(start.next())));
  auto created = checkpoints_.create(lease_, settings_.route, start);
  if (!created) return fail(std::move(created.error()).with_context("creating the checkpoint of " + settings_.route));
  return created;
}

// Where reading begins. What was dropped is passed only where it is on record that this route loses it; while nobody
// has acknowledged that, the comparison of the tail has stopped the opening.
Result<Position> StoreSource::begin_behind(Position checkpoint) {
  const auto floor = log_.floor();
  if (!floor) return fail(Error(floor.error()).with_context("reading the floor of the log"));
  if (checkpoint >= *floor) return checkpoint;
  const auto gap = store::find_dropped(gaps_, settings_.route, checkpoint, *floor);
  if (!gap) return fail(Error(gap.error()).with_context("looking for a record of what was dropped"));
  if (*gap) return *floor;
  return fail(store::removed_below(*floor).with_context(
      "route " + settings_.route + " has its checkpoint at position " + text_of(checkpoint) +
      ", and no record says what it loses (`penstock store drop --before " + text_of(floor->next()) + " --past " +
      settings_.route + "` makes one)"));
}

Error StoreSource::beyond_head(std::string what) const {
  return Error(codes::kRelayCheckpointBeyondHead,
               "route " + settings_.route + ": " + std::move(what) + ", but the log ends at " + text_of(head_));
}

// What can't be true of a log may be true of the one that a failover put in its place.
Error StoreSource::explained(Error error) const {
  auto same = tail_.check(generation_);
  return same ? std::move(error) : std::move(same.error());
}

Status StoreSource::look_at_head() {
  const auto head = log_.head();
  if (!head) return fail(Error(head.error()).with_context("reading the head of the log"));
  head_ = *head;
  head_seen_at_ = std::chrono::steady_clock::now();
  return {};
}

// Positions are reused by a database that lost its tail, so the number alone proves nothing.
Status StoreSource::compare_event_at(const store::Checkpoint& checkpoint) {
  if (checkpoint.position == Position{0} || checkpoint.event_id.is_nil()) return {};
  const auto found = log_.event_id_at(checkpoint.position);
  if (!found) return fail(Error(found.error()).with_context("reading the event at the checkpoint"));
  if (!*found || **found == checkpoint.event_id) return {};
  return fail(codes::kRelayCheckpointMismatch,
              "route " + settings_.route + ": at position " + text_of(checkpoint.position) + " stands event " +
                  (*found)->to_string() + ", but " + checkpoint.event_id.to_string() + " was settled there");
}

// What this object handed out is all there is to compare, unless somebody else drove the route meanwhile.
void StoreSource::warn_of_what_is_unknown(const store::Checkpoint& checkpoint) {
  const bool knows_all = last_epoch_ && lease_.epoch <= last_epoch_->next();
  last_epoch_ = lease_.epoch;
  if (knows_all || checkpoint.store == store::Checkpoint::Store::kSame) return;
  words_.write(LogLevel::kWarn, "store", codes::kRelayLogChanged.name,
               "the store was promoted or restored since the checkpoint was written: the event at it is still there, "
               "but what was sent beyond it before is not known, and some of it may be gone",
               {{"route", settings_.route}, {"position", text_of(checkpoint.position)}});
}

Result<ReadBatch> StoreSource::read(const ReadRoom& room, Deadline deadline, std::stop_token stop) {
  INVARIANT(opening_ == Opening::kOpen, "a source is read while it is open");
  widest_ = {.events = std::max(widest_.events, room.events), .bytes = std::max(widest_.bytes, room.bytes)};
  while (!stop.stop_requested() && room.events > 0) {
    // What was read before belongs to another log.
    if (auto same = tail_.check(generation_); !same) return fail(std::move(same.error()));
    if (page_) return hand_out(room);
    const auto beyond = wait_for_events(deadline, stop);
    if (!beyond) return fail(Error(beyond.error()));
    if (*beyond == Beyond::kNothing) break;
    auto page = next_page(room, stop);
    if (!page) break;
    if (!*page) return fail(std::move(page->error()).with_context("reading the log after " + text_of(read_up_to_)));
    // It may have been the first read on another server.
    if (auto same = tail_.check(generation_); !same) return fail(std::move(same.error()));
    if (auto checked = check_page(**page); !checked) return fail(std::move(checked.error()));
    if ((*page)->reached > read_up_to_) {
      head_ = std::max(head_, (*page)->reached);
      page_ = **std::move(page);
      handed_out_ = 0;
      continue;
    }
    // The head was seen beyond, yet there was nothing to read: a reader that is behind the appender,
    // or a database that went back.
    if (auto looked = look_at_head(); !looked) return fail(std::move(looked.error()));
    if (head_ < read_up_to_)
      return fail(explained(beyond_head("the log was read up to position " + text_of(read_up_to_))));
    return ReadBatch{.items = {}, .idle_for = kRetryLater};
  }
  return ReadBatch{};
}

Result<StoreSource::Beyond> StoreSource::wait_for_events(Deadline deadline, const std::stop_token& stop) {
  if (read_up_to_ < head_) return Beyond::kEvents;
  const auto head = log_.wait_beyond(read_up_to_, deadline, stop);
  if (!head) return fail(Error(head.error()).with_context("waiting for the head of the log"));
  head_ = std::max(head_, *head);
  head_seen_at_ = std::chrono::steady_clock::now();
  return head_ > read_up_to_ ? Beyond::kEvents : Beyond::kNothing;
}

std::optional<Result<store::LogPage>> StoreSource::next_page(const ReadRoom& room, const std::stop_token& stop) {
  return ahead_.has_begun() ? ahead_.take(stop) : std::optional(fetch(room));
}

Result<store::LogPage> StoreSource::fetch(const ReadRoom& room) {
  const store::ReadLimit limit{.events = std::min(room.events, kPageEvents),
                               .bytes = std::clamp<std::size_t>(room.bytes, 1, kPageBytes)};
  ++reads_;
  return log_.read_after(read_up_to_, limit, settings_.filter);
}

Status StoreSource::check_page(const store::LogPage& page) const {
  const auto skipped = [this](Position after, Position found) {
    return fail(codes::kRelayNotContiguous,
                "route " + settings_.route + ": position " + text_of(found) + " was read after " + text_of(after));
  };
  Position last = read_up_to_;
  for (const Event& event : page.events->events()) {
    if (!event.position) return fail(codes::kRelayNotContiguous, "the log yielded an event without a position");
    const bool may_skip = !settings_.filter.admits_all() || page.removed > 0;
    const bool follows = may_skip ? *event.position > last : *event.position == last.next();
    if (!follows) return skipped(last, *event.position);
    last = *event.position;
  }
  if (page.reached < last) return skipped(last, page.reached);
  // Each position that was passed held an event, or the stub of one that was scavenged.
  const auto passed = static_cast<std::uint64_t>(page.reached.value - read_up_to_.value);
  const bool complete = !settings_.filter.admits_all() || passed == page.events->size() + page.removed;
  return complete ? Status() : skipped(last, page.reached);
}

ReadBatch StoreSource::hand_out(const ReadRoom& room) {
  const EventBatch& events = *page_->events;
  ReadBatch batch;
  batch.items.reserve(std::min(room.events, events.size() - handed_out_) + 1);
  const auto add = [&](Position position, EventRef event) {
    unsettled_.emplace_back(position, event ? std::optional(event->id) : std::nullopt);
    if (event) tail_.add(position, event->id);
    const ReadMark mark{last_settled_.value + unsettled_.size()};
    batch.items.push_back({.mark = mark, .event = std::move(event), .malformed = nullptr});
    read_up_to_ = position;
  };
  for (std::size_t bytes = 0; handed_out_ < events.size() && batch.items.size() < room.events; ++handed_out_) {
    const Event& event = events.events()[handed_out_];
    bytes += event.size_bytes();
    const bool alone = batch.items.empty() && room.window == ReadRoom::Window::kEmpty;
    if (bytes > room.bytes && !alone) break;
    add(*event.position, EventBatch::ref(page_->events, handed_out_));
  }
  if (handed_out_ < events.size()) {
    if (batch.items.empty()) batch.idle_for = kRetryLater;
    return batch;
  }
  // What the filter dropped behind the last event must be passed by the checkpoint too.
  if (page_->reached > read_up_to_) add(page_->reached, nullptr);
  page_.reset();
  read_ahead();
  return batch;
}

void StoreSource::read_ahead() {
  if (read_up_to_ >= head_) return;
  const std::size_t events = std::max(widest_.events / kShareAhead, std::min(widest_.events, kFewAhead));
  ++reads_;
  ahead_.begin(read_up_to_, {.events = std::min(events, kPageEvents),
                             .bytes = std::clamp<std::size_t>(widest_.bytes / kShareAhead, 1, kPageBytes)});
}

Status StoreSource::settle(ReadMark mark) {
  INVARIANT(opening_ == Opening::kOpen, "a source is settled while it is open");
  if (mark <= last_settled_) return {};
  const std::size_t items = mark.value - last_settled_.value;
  INVARIANT(items <= unsettled_.size(), "only what was read can be settled");
  if (auto same = tail_.check(generation_); !same) return same;
  store::Settled to = unsettled_[items - 1];
  to.generation = generation_;
  auto advanced = checkpoints_.advance(lease_, settings_.route, settled_up_to_, to);
  if (!advanced)
    return fail(explained(std::move(advanced.error()).with_context("advancing the checkpoint of " + settings_.route)));
  unsettled_.erase(unsettled_.begin(), unsettled_.begin() + static_cast<std::ptrdiff_t>(items));
  last_settled_ = mark;
  settled_up_to_ = to.position;
  return {};
}

void StoreSource::close() {
  opening_ = Opening::kNone;
  unsettled_.clear();
  page_.reset();
  ahead_.forget();
  last_settled_ = ReadMark{0};
}

SourceFigures StoreSource::figures() const {
  SourceFigures figures{.reads = reads_};
  if (!has_settled_) return figures;
  // Nothing is read while a sink is away, yet that is when the lag matters most.
  const auto now = std::chrono::steady_clock::now();
  if (now - head_seen_at_ > kHeadAge) {
    head_seen_at_ = now;
    if (const auto head = log_.head()) head_ = std::max(head_, *head);
  }
  figures.settled = settled_up_to_;
  figures.head = head_;
  figures.lag_events = head_.value - settled_up_to_.value;
  return figures;
}

}  // namespace

std::unique_ptr<Source> make_store_source(StoreSourceSettings settings, store::EventLog& log,
                                          store::Checkpoints& checkpoints, store::Gaps& gaps, Log& words) {
  return std::make_unique<StoreSource>(std::move(settings), log, checkpoints, gaps, words);
}

}  // namespace penstock::connectors
