#include "connectors/wal/wal_source.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "connectors/outbox/connection_fix.h"
#include "connectors/outbox/outbox_table.h"
#include "connectors/wal/publication_watch.h"
#include "connectors/wal/row_removal.h"
#include "connectors/wal/slot_pulse.h"
#include "connectors/wal/slot_start.h"
#include "connectors/wal/start_check.h"
#include "connectors/wal/visibility_gate.h"
#include "connectors/wal/wal_database.h"
#include "connectors/wal/wal_session.h"
#include "connectors/wal/wal_stream.h"
#include "core/failpoint.h"
#include "core/invariant.h"
#include "core/rest.h"

namespace penstock::wal {
namespace {

using connectors::MalformedRow;
using connectors::OpenRequest;
using connectors::ReadBatch;
using connectors::ReadRoom;
using connectors::SourceFigures;
using store::postgres::Session;
using store::postgres::SessionSettings;

constexpr std::chrono::seconds kCallDeadline{12};
constexpr std::chrono::seconds kStoreIdleEvery{10};
constexpr std::chrono::milliseconds kUpkeepEvery{1'000};
constexpr std::chrono::milliseconds kWaitForRoom{5}, kWaitForLock{100};
// Of reading back what an earlier opening has settled; the server has to hear of us in between.
constexpr std::chrono::milliseconds kPassAtMost{1'000};

class WalSource final : public connectors::Source {
 public:
  WalSource(const WalSettings& settings, SourceCheckpoints& checkpoints, SourceGaps& gaps,
            const connectors::Surroundings& surroundings)
      : settings_(settings),
        checkpoints_(checkpoints),
        gaps_(gaps),
        clock_(surroundings.clock),
        log_(surroundings.log),
        session_settings_(session_settings_of(
            settings, "penstock source " + settings.rows.source_name + " " + surroundings.instance)),
        removal_(settings.settle == WalSettings::Settle::kDelete
                     ? std::make_unique<RowRemoval>(settings_, session_settings_, clock_, log_)
                     : nullptr),
        publication_(settings_, gaps_, log_),
        pulse_(settings_, publication_, clock_, log_) {}
  ~WalSource() override { close(); }

  Status open(const OpenRequest& request, Deadline deadline, std::stop_token stop) override;
  Result<ReadBatch> read(const ReadRoom& room, Deadline deadline, std::stop_token stop) override;
  Status settle(ReadMark mark) override;
  Status keep_alive() override;
  void close() override;
  void give_up() override { given_up_.request_stop(); }
  SourceFigures figures() const override {
    SourceFigures figures = figures_;
    figures.slot = pulse_.figures();
    return figures;
  }

 private:
  // What lasts as long as one opening.
  struct Opening {
    Lease lease;
    std::unique_ptr<Session> session;  // beside the stream: catalogue, heartbeats
    std::unique_ptr<WalStream> stream;
    std::optional<SourceCheckpoint> stored;
    ReadMark last_mark;
    SteadyTime next_store{};
    std::optional<Change> held;          // did not fit into the last batch
    std::optional<VisibilityGate> gate;  // where events wait until they are visible

    // Whether the transaction whose turn it is can't be handed out yet, because others don't see it.
    bool gate_is_closed() const {
      return gate && stream->has_ready() && !gate->is_open_for(stream->ready().changes.xid());
    }
  };
  // Nothing can be handed out: others don't see it, or hold what was.
  bool is_held_up() const { return opening_->gate_is_closed() || (removal_ && removal_->is_full()); }

  Status begin(Opening& opening, Deadline deadline, const std::stop_token& stop);

  Status look_through_gate();
  Status remove_settled();
  Status remove_and_store();
  Status remove_left();
  void show_who_holds_back();
  Result<ReadBatch> hand_out(const ReadRoom& room);
  Status learn(const Change& relation);
  // What has to be done now and then whether or not anything is read.
  Status upkeep();
  Status store_progress();
  tl::unexpected<Error> end_opening(Error error);

  const WalSettings settings_;
  SourceCheckpoints& checkpoints_;
  SourceGaps& gaps_;
  const Clock& clock_;
  Log& log_;
  const SessionSettings session_settings_;
  const std::unique_ptr<RowRemoval> removal_;  // where settled rows are deleted
  PublicationWatch publication_;
  std::chrono::milliseconds slot_patience_ = SlotStart::kFirstPatience;
  SlotPulse pulse_;
  std::optional<Opening> opening_;
  SourceFigures figures_;
  std::stop_source given_up_;
};

Status WalSource::open(const OpenRequest& request, Deadline deadline, std::stop_token stop) {
  close();
  Opening opening;
  opening.lease = request.lease;
  if (auto begun = begin(opening, deadline, stop); !begun) return end_opening(std::move(begun.error()));
  opening_.emplace(std::move(opening));
  return {};
}

Status WalSource::begin(Opening& opening, Deadline deadline, const std::stop_token& stop) {
  auto session = Session::open(session_settings_, deadline, stop);
  if (!session) return fail(outbox::with_connection_fix(std::move(session.error()), settings_.rows.url));
  opening.session = *std::move(session);
  if (opening.session->server().role == store::postgres::ServerFacts::Role::kStandby)
    return fail(codes::kWalUnavailable, "the server is a standby: the log is read from the primary");
  auto database = load_wal_database(*opening.session, settings_, deadline, stop);
  if (!database) return fail(std::move(database.error()));
  if (auto checked = check_wal_database(*database, settings_); !checked) return checked;
  const std::string waits = synchronous_fault(*database, settings_);
  if (!waits.empty() && settings_.waits_until_visible())
    return fail(codes::kWalRefused, waits + ": " + synchronous_fix());
  // Slots are the whole server's: one of another database is nobody's whom this source could take over from.
  if (database->slot)
    if (auto fits = check_slot(*database->slot, settings_.slot, database->database); !fits) return fits;
  if (database->slot_is_active) return fail(pulse_.why_held(*opening.session, deadline, stop));
  if (database->slot && is_readable(*database->slot)) pulse_.look_at_room(database->room);
  SlotStart slot_start({settings_, checkpoints_, gaps_, publication_, log_, session_settings_, slot_patience_},
                       *opening.session, opening.lease, deadline, stop);
  const auto start = slot_start.find(*database);
  if (!start) return fail(start.error());
  opening.stored = slot_start.stored();
  deadline = slot_start.deadline();
  // Nothing is read before what was delivered is settled, as far as the database lets it be.
  if (removal_) {
    if (auto begun = removal_->begin(*database->table, *opening.session, kCallDeadline, stop); !begun) return begun;
    deadline = Deadline::at(std::max(deadline.time(), Deadline::in(kCallDeadline).time()));
  }
  auto stream = WalStream::open(settings_, session_settings_, opening.session->server(), *start,
                                ChangeReader(settings_, table_now(*database)), clock_, deadline, stop);
  if (!stream) return fail(std::move(stream.error()));
  opening.stream = *std::move(stream);
  if (auto begun = slot_start.check_begun(*start); !begun) return begun;
  pulse_.opened();
  if (!waits.empty())
    log_.write(LogLevel::kWarn, "source " + settings_.rows.source_name, {}, waits + ": " + synchronous_fix(), {});
  if (settings_.waits_until_visible()) opening.gate.emplace(settings_.rows.source_name, log_);
  return {};
}

Result<ReadBatch> WalSource::read(const ReadRoom& room, Deadline deadline, std::stop_token stop) {
  INVARIANT(opening_, "a source is opened before it is read");
  for (;;) {
    if (!stop.stop_requested()) opening_->stream->gather();
    if (auto received = opening_->stream->receive(std::max<std::size_t>(room.events, 1)); !received)
      return end_opening(std::move(received.error()));
    if (auto kept = upkeep(); !kept) return end_opening(std::move(kept.error()));
    if (auto looked = look_through_gate(); !looked) return end_opening(std::move(looked.error()));
    auto batch = hand_out(room);
    if (!batch) return end_opening(std::move(batch.error()));
    if (!batch->items.empty()) {
      ++figures_.reads;
      pass_failpoint("wal.after_read");
      return batch;
    }
    if (opening_->stream->has_ready() && !is_held_up()) {
      // What waits needs room, which only a settled event makes, or lies behind much that was settled before.
      batch->idle_for = kWaitForRoom;
      return batch;
    }
    if (deadline.expired() || stop.stop_requested()) return batch;
    if (is_held_up()) {
      const Duration pause = opening_->gate_is_closed() ? opening_->gate->pause(clock_.now()) : kWaitForLock;
      rest(std::min<Duration>(pause, deadline.remaining()), stop);
      continue;
    }
    const auto until = std::min(deadline.time(), clock_.now() + kUpkeepEvery);
    if (auto waited = opening_->stream->wait(Deadline::at(until), stop); !waited)
      return end_opening(std::move(waited.error()));
  }
}

Status WalSource::look_through_gate() {
  if (!opening_->gate_is_closed()) return {};
  auto looked = opening_->gate->look(opening_->stream->ready().changes.xid(), clock_.now(), *opening_->session,
                                     Deadline::in(kCallDeadline), given_up_.get_token());
  show_who_holds_back();
  return looked;
}

Result<ReadBatch> WalSource::hand_out(const ReadRoom& room) {
  struct Found {
    std::unique_ptr<MalformedRow> malformed;  // null: the next event of the batch
    std::optional<std::string_view> row_id;
  };
  WalStream& stream = *opening_->stream;
  EventBatchBuilder builder;
  std::vector<Found> found;
  const std::size_t likely = std::min<std::size_t>(room.events, stream.ready_events());
  builder.reserve(likely);
  found.reserve(likely);
  const SteadyTime pass_until = clock_.now() + kPassAtMost;
  std::size_t bytes = 0;
  bool always = room.window == ReadRoom::Window::kEmpty;
  while (stream.has_ready() && found.size() < room.events && !is_held_up()) {
    ReadyTransaction& transaction = stream.ready();
    if (!opening_->held) {
      auto next = transaction.changes.next();
      if (!next) return fail(std::move(next.error()));
      if (!*next) {
        stream.pop_ready();
        continue;
      }
      opening_->held = **next;
    }
    const Change change = *opening_->held;
    if (change.kind == Change::Kind::kRelation) {
      opening_->held.reset();
      if (auto learnt = learn(change); !learnt) return fail(std::move(learnt.error()));
      continue;
    }
    if (transaction.taken < transaction.known) {
      opening_->held.reset();
      ++transaction.taken;
      if (clock_.now() >= pass_until) break;
      continue;
    }
    bytes += change.bytes.size() + outbox::kRowOverhead;
    if (bytes > room.bytes && !always) break;
    always = false;
    opening_->held.reset();
    const WalPosition position{transaction.changes.commit_end(), ++transaction.taken};
    auto malformed = stream.reader().read(change, position, builder);
    if (!malformed) return fail(std::move(malformed.error()));
    // What is parked by reference stays where the reference leads.
    const bool stays = *malformed && (*malformed)->kept == MalformedRow::Kept::kByReference;
    found.push_back({*std::move(malformed), stays ? std::nullopt : stream.reader().row_id()});
  }
  ReadBatch batch;
  if (found.empty()) return batch;
  const auto events = std::move(builder).finish();
  batch.items.reserve(found.size());
  std::size_t next_event = 0;
  for (Found& one : found) {
    connectors::ReadItem& item = batch.items.emplace_back();
    item.mark = opening_->last_mark = opening_->last_mark.next();
    if (removal_) removal_->handed_out(item.mark, std::optional<std::string>(one.row_id));
    if (one.malformed)
      item.malformed = std::move(one.malformed);
    else
      item.event = EventBatch::ref(events, next_event++);
  }
  return batch;
}

// Columns that don't fit stop the source until the table is mended. What was written before that stays in the log as
// it is, and must not stop it again.
Status WalSource::learn(const Change& relation) {
  ChangeReader& reader = opening_->stream->reader();
  auto learnt = reader.learn(relation);
  if (learnt || &learnt.error().code() != &codes::kOutboxTableMissing) return learnt;
  const auto fits = table_fits(*opening_->session, settings_, Deadline::in(kCallDeadline), given_up_.get_token());
  if (!fits) return fail(fits.error());
  return *fits ? reader.learn_unfit(relation, learnt.error()) : learnt;
}

Status WalSource::settle(ReadMark mark) {
  INVARIANT(opening_, "only what was read in this opening can be settled");
  if (removal_)
    removal_->settled(mark);
  else
    opening_->stream->confirmation().settled(mark);
  if (auto kept = remove_and_store(); !kept) return end_opening(std::move(kept.error()));
  return {};
}

// First deleted, then passed: a crash in between brings the event again, and its row stays away.
Status WalSource::remove_settled() {
  if (!removal_) return {};
  // A stream that is lost meanwhile says so when it is read.
  const auto meanwhile = [this] { (void)opening_->stream->confirm_if_due(given_up_.get_token()); };
  auto removed = removal_->remove(*opening_->session, kCallDeadline, meanwhile, given_up_.get_token());
  opening_->stream->confirmation().settled(removal_->removed());
  show_who_holds_back();
  return removed;
}

// What was deleted before an error is passed all the same.
Status WalSource::remove_and_store() {
  Status removed = remove_settled();
  Status stored = store_progress();
  return removed ? stored : removed;
}

// What was locked when it was settled, or took too long.
Status WalSource::remove_left() { return removal_ && removal_->is_behind() ? remove_and_store() : Status(); }

void WalSource::show_who_holds_back() {
  figures_.held_back_by.reset();
  if (opening_->gate) figures_.held_back_by = opening_->gate->held_back_by();
  if (removal_ && !figures_.held_back_by) figures_.held_back_by = removal_->held_back_by();
}

// First durable, then confirmed: what is confirmed is forgotten by the server.
Status WalSource::store_progress() {
  Confirmation& confirmation = opening_->stream->confirmation();
  opening_->next_store = clock_.now() + kStoreIdleEvery;
  if (!confirmation.has_news() && !publication_.has_news()) return {};
  const Progress progress = confirmation.progress();
  const auto& server = opening_->session->server();
  const SourceCheckpoint now{to_string(OwnPosition{progress, publication_.last()}), server.system_identifier,
                             server.timeline};
  if (auto kept = checkpoints_.advance(opening_->lease, settings_.rows.source_name, opening_->stored, now); !kept)
    return kept;
  opening_->stored = now;
  confirmation.stored(progress);
  publication_.kept();
  pass_failpoint("wal.after_store");
  return opening_->stream->confirm(given_up_.get_token());
}

Status WalSource::upkeep() {
  const std::stop_token stop = given_up_.get_token();
  if (auto confirmed = opening_->stream->confirm_if_due(stop); !confirmed) return confirmed;
  pulse_.look_for_heartbeat(*opening_->stream);
  if (auto removed = remove_left(); !removed) return removed;
  if (clock_.now() >= opening_->next_store)
    if (auto stored = store_progress(); !stored) return stored;
  if (auto sent = pulse_.send_heartbeat(*opening_->stream, *opening_->session, stop); !sent) return sent;
  if (auto lives = pulse_.look_at_walsender(*opening_->stream, *opening_->session, stop); !lives) return lives;
  return pulse_.ask_for_sign(*opening_->session, stop);
}

// The stream is not read meanwhile, because nobody has room. The server has to hear of us all the same.
Status WalSource::keep_alive() {
  if (!opening_) return {};
  const std::stop_token stop = given_up_.get_token();
  auto alive = opening_->stream->confirm_if_due(stop);
  if (alive) alive = pulse_.look_at_slot(*opening_->session, stop);
  if (alive) alive = remove_left();
  if (alive) alive = pulse_.ask_for_sign(*opening_->session, stop);
  if (!alive) return end_opening(std::move(alive.error()));
  return {};
}

void WalSource::close() {
  opening_.reset();
  if (removal_) removal_->end();
  pulse_.reset();
  figures_.held_back_by.reset();
}

tl::unexpected<Error> WalSource::end_opening(Error error) {
  close();
  return fail(std::move(error).with_context("source " + settings_.rows.source_name));
}

Result<std::unique_ptr<connectors::Source>> make_source(const connectors::Section& section,
                                                        const connectors::SourceRoute& route,
                                                        const connectors::Surroundings& surroundings) {
  auto settings = read_settings(section, route.source_name, route.event_bytes);
  if (!settings) return fail(std::move(settings.error()));
  return make_wal_source(*settings, route.checkpoints, route.gaps, surroundings);
}

std::vector<connectors::Finding> inspect_source(const connectors::Section& section, Deadline deadline) {
  const auto settings = read_settings(section, section.text("name"), 1 << 20);
  if (!settings) return {};  // said by the offline check
  return inspect_wal(*settings, deadline);
}

}  // namespace

std::unique_ptr<connectors::Source> make_wal_source(const WalSettings& settings, SourceCheckpoints& checkpoints,
                                                    SourceGaps& gaps, const connectors::Surroundings& surroundings) {
  return std::make_unique<WalSource>(settings, checkpoints, gaps, surroundings);
}

const connectors::SourceKind& source_kind() {
  static const connectors::SourceKind kind{"wal",        "Outbox table or messages, read from the write-ahead log",
                                           wal_fields(), check_settings,
                                           make_source,  inspect_source};
  return kind;
}

}  // namespace penstock::wal
