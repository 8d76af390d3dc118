#include "connectors/outbox/outbox_source.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "connectors/outbox/cursor_checkpoint.h"
#include "connectors/outbox/cursor_place.h"
#include "connectors/outbox/harvest.h"
#include "connectors/outbox/held_back.h"
#include "connectors/outbox/low_mark.h"
#include "connectors/outbox/poll_pace.h"
#include "connectors/outbox/row_mapping.h"
#include "connectors/outbox/rows_in_flight.h"
#include "connectors/outbox/source_sessions.h"
#include "core/failpoint.h"
#include "core/invariant.h"

namespace penstock::outbox {
namespace {

using connectors::OpenRequest;
using connectors::ReadBatch;
using connectors::ReadRoom;
using connectors::SourceFigures;

constexpr std::chrono::milliseconds kBetweenLooks{100};  // at the lock holders
constexpr std::chrono::milliseconds kLongestHeldBack{900};
constexpr std::chrono::seconds kBetweenFullScans{2};
// A transaction that is waited for is named once that takes so long, and looked at so often then. With guard
// "xid" only a look shows whether there is one.
constexpr std::chrono::seconds kLongWait{1}, kBetweenBlockerLooks{1}, kBetweenIdleBlockerLooks{5};
// A full scan that takes long is made less often still.
constexpr int kRestPerFullScan = 10;

class OutboxSource final : public connectors::Source {
 public:
  OutboxSource(const OutboxSettings& settings, std::unique_ptr<OutboxTable> table, SourceCheckpoints& checkpoints,
               SourceGaps& gaps, const connectors::Surroundings& surroundings)
      : settings_(settings),
        table_(std::move(table)),
        cursor_(settings_, checkpoints, gaps, surroundings.log),
        clock_(surroundings.clock),
        held_back_(settings.source_name, surroundings.log) {}
  ~OutboxSource() override { close(); }

  Status open(const OpenRequest& request, Deadline deadline, std::stop_token stop) override;
  Result<ReadBatch> read(const ReadRoom& room, Deadline deadline, std::stop_token stop) override;
  Status settle(ReadMark mark) override;
  Status keep_alive() override;
  void close() override;
  void give_up() override { table_->give_up(); }
  SourceFigures figures() const override { return figures_; }

 private:
  // What lasts as long as one opening.
  struct Opening {
    RowMapping mapping;
    std::size_t id_column;
    LowMark low_mark;
    RowsInFlight rows;
    PollPace pace;
    // Numbers of rows parked by reference, ascending. None for a cursor: its checkpoint knows which numbers still mean
    // what they meant.
    std::vector<std::int64_t> kept;
    SteadyTime next_look{}, next_full_scan{};
    SteadyTime next_blocker_look{};
    std::optional<SteadyTime> waits_since;  // for lock holders
    // Before this, a poll is only worth its while if a notification came: the last scan left nothing.
    SteadyTime next_poll{};
    SteadyTime not_before{};  // however much is announced
    Duration scan_took{};     // in the last poll, unless that was the net, which has a rest of its own
    ScanEnd last_end = ScanEnd::kCutShort;
    // Since the last scan. Under the numbers that it left out as in flight other rows may stand by now.
    bool has_settled = false;
    std::optional<XidPlace> read_to;  // with guard "xid" of policy "cursor", instead of the low mark
  };

  Result<CursorCheckpoint::Start> start(const Lease& lease);
  bool keeps_rows() const { return std::holds_alternative<KeepRows>(settings_.policy); }
  // Whether a full scan is a net: not where settled rows stay, for it would read them all again.
  Reach reach_of_scan() const;
  // A row without an id can't be remembered by it.
  Harvest::Nameless nameless() const {
    return std::holds_alternative<TrackRows>(settings_.policy) ? Harvest::Nameless::kStays
                                                               : Harvest::Nameless::kIsSettled;
  }
  Status advance_checkpoint(ReadMark mark);

  Result<ReadBatch> poll(const ReadRoom& room, const std::stop_token& stop);
  Result<ReadBatch> scan(const ScanRoom& room);
  Status look_at_holders();
  bool wants_blocker();
  bool is_held_back() const;
  Status look_at_blocker();
  ReadBatch hand_out(Harvest& harvest);
  tl::unexpected<Error> end_opening(Error error);

  const OutboxSettings settings_;
  const std::unique_ptr<OutboxTable> table_;
  CursorCheckpoint cursor_;  // of that policy
  const Clock& clock_;
  HeldBack held_back_;
  std::optional<Opening> opening_;
  SourceFigures figures_;
};

std::vector<std::int64_t> numbers_of(const std::vector<std::string>& source_keys) {
  std::vector<std::int64_t> numbers;
  for (const std::string& key : source_keys) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), number);
    if (error == std::errc() && end == key.data() + key.size()) numbers.push_back(number);
  }
  std::ranges::sort(numbers);
  return numbers;
}

Status OutboxSource::open(const OpenRequest& request, Deadline deadline, std::stop_token stop) {
  close();
  if (auto opened = table_->open(deadline, std::move(stop)); !opened) return end_opening(std::move(opened.error()));
  const RowShape& shape = table_->shape();
  auto columns = find_role_columns(settings_, shape);
  if (!columns) return end_opening(std::move(columns.error()));
  auto from = start(request.lease);
  if (!from) return end_opening(std::move(from.error()));
  opening_.emplace(Opening{RowMapping(settings_, shape, *columns), columns->id(), std::move(from->low_mark),
                           RowsInFlight(), PollPace(settings_.poll_min, settings_.poll_max),
                           keeps_rows() ? std::vector<std::int64_t>() : numbers_of(request.kept_by_reference)});
  opening_->read_to = from->read_to;
  return {};
}

Result<CursorCheckpoint::Start> OutboxSource::start(const Lease& lease) {
  if (keeps_rows()) return cursor_.resume(*table_, lease);
  return CursorCheckpoint::Start{LowMark(table_->mark_moves()), {}};
}

Reach OutboxSource::reach_of_scan() const {
  const bool due = clock_.now() >= opening_->next_full_scan;
  return due && !keeps_rows() ? Reach::kWholeTable : Reach::kOpenRanges;
}

// A table that doesn't listen is polled at once, and an empty answer says when to come back.
Result<ReadBatch> OutboxSource::read(const ReadRoom& room, Deadline deadline, std::stop_token stop) {
  INVARIANT(opening_, "a source is opened before it is read");
  for (;;) {
    const Duration pause = std::max<Duration>(opening_->next_poll - clock_.now(), Duration::zero());
    const auto until = std::min(Deadline::in(pause).time(), deadline.time());
    const auto waited = table_->wait_for_notification(Deadline::at(until), stop);
    if (!waited) return end_opening(waited.error());
    const bool listens = *waited != OutboxTable::Waited::kNo;
    if (*waited == OutboxTable::Waited::kUntilNotified) {
      // Also for the next read, where this one is stopped.
      opening_->next_poll = std::min(opening_->next_poll, opening_->not_before);
      // Of the end of the transactions that hold back what was announced, nobody tells.
      if (opening_->read_to) opening_->pace.hurry(clock_.now());
    }
    const bool due = clock_.now() >= opening_->next_poll;
    const bool waits_on = *waited == OutboxTable::Waited::kUntilDeadline || !due;
    if (listens && (stop.stop_requested() || (waits_on && deadline.expired()))) return ReadBatch{};
    if (listens && !due) continue;

    auto batch = poll(room, stop);
    if (!batch) return end_opening(std::move(batch.error()));
    const SteadyTime end = clock_.now();
    const Duration took = opening_->scan_took;
    opening_->not_before = end + PollPace::after_scan(took);
    if (!batch->items.empty()) {
      const Duration rest = opening_->pace.after_rows(end);
      opening_->next_poll = opening_->last_end == ScanEnd::kExhausted ? end + rest : end;
      pass_failpoint("outbox.after_read");
      return batch;
    }
    const bool nothing_left = opening_->last_end == ScanEnd::kExhausted;
    Duration rest = nothing_left ? opening_->pace.after_nothing(end, took) : opening_->pace.after_nothing_taken(took);
    if (is_held_back()) rest = std::min(rest, std::max<Duration>(kLongestHeldBack, 3 * took));
    opening_->next_poll = end + rest;
    if (!listens) batch->idle_for = rest;
    if (!listens || deadline.expired()) return batch;
  }
}

// By transactions of whose end nobody tells.
bool OutboxSource::is_held_back() const { return held_back_.by() || !opening_->low_mark.awaited().empty(); }

Result<ReadBatch> OutboxSource::poll(const ReadRoom& room, const std::stop_token& stop) {
  opening_->scan_took = {};
  if (room.events == 0) {
    opening_->last_end = ScanEnd::kCutShort;
    return ReadBatch{};
  }
  const auto news = table_->look_for_news(stop);
  if (!news) return fail(news.error());
  if (*news == OutboxTable::News::kNone && (stop.stop_requested() || !opening_->has_settled)) return ReadBatch{};
  if (auto looked = look_at_holders(); !looked) return fail(std::move(looked.error()));
  if (wants_blocker())
    if (auto looked = look_at_blocker(); !looked) return fail(std::move(looked.error()));
  const auto first_row =
      room.window == ReadRoom::Window::kEmpty ? ScanRoom::FirstRow::kAlways : ScanRoom::FirstRow::kMustFit;
  return scan({std::min(room.events, settings_.batch), room.bytes, first_row});
}

Status OutboxSource::look_at_holders() {
  LowMark& low_mark = opening_->low_mark;
  if (!low_mark.wants_holders() || clock_.now() < opening_->next_look) return {};
  opening_->next_look = clock_.now() + kBetweenLooks;
  const auto holders = table_->lock_holders();
  if (!holders) return fail(holders.error());
  low_mark.saw_holders(*holders);
  return {};
}

bool OutboxSource::wants_blocker() {
  if (!keeps_rows()) return false;  // nothing hangs on it
  Opening& opening = *opening_;
  const SteadyTime now = clock_.now();
  if (opening.low_mark.awaited().empty())
    opening.waits_since.reset();
  else if (!opening.waits_since)
    opening.waits_since = now;
  const bool waits_long = opening.waits_since && now - *opening.waits_since >= kLongWait;
  const bool nothing_left = opening.read_to && opening.last_end == ScanEnd::kExhausted;
  return (waits_long || nothing_left || held_back_.by()) && now >= opening.next_blocker_look;
}

Status OutboxSource::look_at_blocker() {
  Opening& opening = *opening_;
  const SteadyTime now = clock_.now();
  auto blocker = std::optional<connectors::Blocker>();
  if (opening.read_to || opening.waits_since) {
    auto found = table_->blocker(opening.low_mark.awaited());
    if (!found) return fail(std::move(found.error()));
    blocker = *std::move(found);
  }
  held_back_.saw(std::move(blocker), now);
  figures_.held_back_by = held_back_.by();
  opening.next_blocker_look =
      now + (opening.waits_since || held_back_.by() ? kBetweenBlockerLooks : kBetweenIdleBlockerLooks);
  return {};
}

Result<ReadBatch> OutboxSource::scan(const ScanRoom& room) {
  LowMark& low_mark = opening_->low_mark;
  const SteadyTime start = clock_.now();
  const bool by_xid = opening_->read_to.has_value();
  const auto in_flight = by_xid ? std::span<const std::int64_t>() : opening_->rows.numbers();
  ScanPlan plan;
  if (by_xid)
    plan.behind = opening_->read_to;
  else
    plan = low_mark.plan(reach_of_scan(), in_flight, opening_->kept);

  if (!by_xid && !low_mark.mark()) plan.drawn = ScanPlan::Drawn::kAsked;
  const bool by_cursor = keeps_rows() && !by_xid;
  if (by_cursor) plan.numbering = cursor_.wish();
  Harvest harvest(opening_->mapping, opening_->id_column, nameless(), in_flight, room.rows);
  const auto scanned = table_->scan(plan, room, harvest.builder(), harvest);
  if (!scanned) return fail(scanned.error());
  const SteadyTime now = clock_.now();
  const Duration took = now - start - scanned->waited;
  if (plan.reach == Reach::kOpenRanges) opening_->scan_took = took;
  const auto numbers = harvest.numbers();
  if (by_cursor)
    if (auto checked = cursor_.check(*table_, scanned->numbering, low_mark,
                                     numbers.empty() ? std::nullopt : std::optional(numbers.back()));
        !checked)
      return fail(std::move(checked.error()));
  // What was found under such a number is another row, or has become another.
  std::erase_if(opening_->kept, [&](std::int64_t number) { return std::ranges::binary_search(numbers, number); });
  opening_->last_end = scanned->end;
  opening_->has_settled = false;
  ++figures_.reads;
  figures_.rereads += harvest.rereads();
  if (scanned->reach == Reach::kWholeTable) {
    ++figures_.full_scans;
    opening_->next_full_scan = now + std::max<Duration>(kBetweenFullScans, took * kRestPerFullScan);
  }
  if (!by_xid)
    low_mark.scanned(plan, numbers, scanned->end, scanned->drawn_before);
  else if (!harvest.found().empty())
    opening_->read_to = XidPlace{harvest.found().back().key.xid, harvest.found().back().key.number};
  return hand_out(harvest);
}

ReadBatch OutboxSource::hand_out(Harvest& harvest) {
  ReadBatch batch;
  if (harvest.found().empty()) return batch;
  const auto events = std::move(harvest.builder()).finish();
  batch.items.reserve(harvest.found().size());
  std::size_t next_event = 0;
  for (Harvest::Found& found : harvest.found()) {
    connectors::ReadItem& item = batch.items.emplace_back();
    item.mark = opening_->rows.add(found.key, found.then);
    if (found.malformed)
      item.malformed = std::move(found.malformed);
    else
      item.event = EventBatch::ref(events, next_event++);
  }
  opening_->rows.finish_batch(events);
  return batch;
}

Status OutboxSource::settle(ReadMark mark) {
  INVARIANT(opening_, "only what was read in this opening can be settled");
  if (keeps_rows()) {
    if (auto advanced = advance_checkpoint(mark); !advanced) return end_opening(std::move(advanced.error()));
    return {};
  }
  RowsInFlight& rows = opening_->rows;
  if (const auto settled = rows.to_settle(mark); !settled.empty())
    if (auto done = table_->settle(settled); !done) return end_opening(std::move(done.error()));
  opening_->has_settled = true;
  rows.to_keep(mark, opening_->kept);
  std::ranges::sort(opening_->kept);
  rows.forget(mark);
  return {};
}

// The checkpoint says of every number whether it is settled, so what was settled above a hole is not
// delivered again.
Status OutboxSource::advance_checkpoint(ReadMark mark) {
  RowsInFlight& rows = opening_->rows;
  const RowKey* last = rows.last_up_to(mark);
  if (last == nullptr) return {};
  const XidPlace place{last->xid, last->number};
  cursor_.settled(*last);
  rows.forget(mark);
  if (opening_->read_to) return cursor_.advance(*table_, place);
  return cursor_.advance(*table_, with_numbers(opening_->low_mark.open(), rows.numbers()));
}

Status OutboxSource::keep_alive() {
  if (!opening_) return {};
  if (auto awake = table_->stay_awake(); !awake) return end_opening(std::move(awake.error()));
  return {};
}

void OutboxSource::close() {
  opening_.reset();
  figures_.held_back_by.reset();
  table_->close();
}

tl::unexpected<Error> OutboxSource::end_opening(Error error) {
  close();
  return fail(std::move(error).with_context("source " + settings_.source_name));
}

Result<std::unique_ptr<connectors::Source>> make_source(const connectors::Section& section,
                                                        const connectors::SourceRoute& route,
                                                        const connectors::Surroundings& surroundings) {
  return make_outbox_source(section, route, surroundings, nullptr);
}

std::vector<connectors::Finding> inspect_source(const connectors::Section& section, Deadline deadline) {
  const auto settings = read_settings(section, "", 1 << 20);
  if (!settings) return {};  // said by the offline check
  return settings->backend == Backend::kPostgres ? inspect_postgres(*settings, deadline)
                                                 : inspect_sqlite(*settings, deadline);
}

}  // namespace

std::unique_ptr<SourceSessions> make_source_sessions(std::span<const connectors::Section* const> sources) {
  std::vector<Secret> urls;
  for (const connectors::Section* source : sources)
    if (const auto settings = read_settings(*source, "", 1); settings && settings->backend == Backend::kPostgres)
      urls.push_back(settings->url);
  return std::make_unique<SourceSessions>(urls);
}

Result<std::unique_ptr<connectors::Source>> make_outbox_source(const connectors::Section& section,
                                                               const connectors::SourceRoute& route,
                                                               const connectors::Surroundings& surroundings,
                                                               SourceSessions* sessions) {
  auto settings = read_settings(section, route.source_name, route.event_bytes);
  if (!settings) return fail(std::move(settings.error()));
  settings->on_lost_tail = route.on_lost_tail;
  return make_outbox_source(*settings, route.checkpoints, route.gaps, surroundings, sessions);
}

std::unique_ptr<connectors::Source> make_outbox_source(const OutboxSettings& settings, SourceCheckpoints& checkpoints,
                                                       SourceGaps& gaps, const connectors::Surroundings& surroundings,
                                                       SourceSessions* sessions) {
  auto table = settings.backend == Backend::kPostgres ? make_postgres_table(settings, surroundings, sessions)
                                                      : make_sqlite_table(settings);
  return make_outbox_source(settings, std::move(table), checkpoints, gaps, surroundings);
}

std::unique_ptr<connectors::Source> make_outbox_source(const OutboxSettings& settings,
                                                       std::unique_ptr<OutboxTable> table,
                                                       SourceCheckpoints& checkpoints, SourceGaps& gaps,
                                                       const connectors::Surroundings& surroundings) {
  return std::make_unique<OutboxSource>(settings, std::move(table), checkpoints, gaps, surroundings);
}

const connectors::SourceKind& source_kind() {
  static const connectors::SourceKind kind{"outbox",    "Outbox table, polled", outbox_fields(), check_settings,
                                           make_source, inspect_source};
  return kind;
}

}  // namespace penstock::outbox
