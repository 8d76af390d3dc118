#include "connectors/wal/slot_pulse.h"

namespace penstock::wal {
namespace {

using store::postgres::Parameters;
using store::postgres::Session;
using store::postgres::Statement;

constexpr std::chrono::seconds kCallDeadline{12};
constexpr std::chrono::seconds kHeartbeatEvery{10};
constexpr std::chrono::seconds kSignEvery{3}, kSignTakes{8};

}  // namespace

void SlotPulse::reset() {
  seen_ = {};
  watch_.forget_heartbeats();
}

void SlotPulse::look_at_room(const SlotRoom& room) {
  for (const SlotWatch::News& news : watch_.look(room, SlotWatch::Heartbeat::kBehindOthers))
    log_.write(news.level, "source " + settings_.rows.source_name, news.code,
               "slot " + settings_.slot + ": " + news.words, {});
}

void SlotPulse::look_for_heartbeat(WalStream& stream) {
  if (seen_.figures) seen_.figures->heartbeat = stream.heartbeats().took(clock_.now());
}

// In a transaction of its own: only a commit that the slot has read lets the server forget the log
// before it, also where nobody writes to the outbox. One at a time: a stream that stands still gets no
// more of them. Nor does it wait for a standby that may be away for long.
Status SlotPulse::send_heartbeat(WalStream& stream, Session& session, const std::stop_token& stop) {
  if (clock_.now() < seen_.next_heartbeat) return {};
  const SlotWatch::Heartbeat heartbeat = judge_heartbeat(stream);
  auto looked = look(heartbeat, session, stop);
  if (!looked || heartbeat != SlotWatch::Heartbeat::kBack) return looked;
  if (stream.heartbeats().took(clock_.now())) walsender_.came_through();
  static const Statement kEmit{
      "", "SELECT set_config('synchronous_commit', 'local', true), pg_logical_emit_message(true, $1, $2)::text"};
  Parameters parameters;
  parameters.text(Heartbeats::kPrefix).text(stream.heartbeats().next(clock_.now(), clock_.wall_now()));
  const auto emitted = session.run(kEmit, parameters, Deadline::in(kCallDeadline), stop);
  return emitted ? Status() : fail(emitted.error());
}

SlotWatch::Heartbeat SlotPulse::judge_heartbeat(WalStream& stream) {
  const bool moves = stream.has_ready() || stream.messages() != seen_.messages;
  seen_.messages = stream.messages();
  if (!stream.heartbeats().is_under_way()) return SlotWatch::Heartbeat::kBack;
  return moves ? SlotWatch::Heartbeat::kBehindOthers : SlotWatch::Heartbeat::kUnderWay;
}

Status SlotPulse::look_at_slot(Session& session, const std::stop_token& stop) {
  return clock_.now() < seen_.next_heartbeat ? Status() : look(SlotWatch::Heartbeat::kBehindOthers, session, stop);
}

Status SlotPulse::look(SlotWatch::Heartbeat heartbeat, Session& session, const std::stop_token& stop) {
  seen_.next_heartbeat = clock_.now() + kHeartbeatEvery;
  const auto room = load_slot_room(session, settings_, Deadline::in(kCallDeadline), stop);
  if (!room) return fail(room.error());
  if (!*room) return fail(codes::kWalSlotLost, "slot " + settings_.slot + " is gone");
  const auto heartbeat_took = seen_.figures ? seen_.figures->heartbeat : std::nullopt;
  seen_.figures = {(*room)->wal_status, (*room)->safe_bytes, (*room)->limit_bytes, (*room)->retained_bytes,
                   heartbeat_took};
  for (const SlotWatch::News& news : watch_.look(**room, heartbeat))
    log_.write(news.level, "source " + settings_.rows.source_name, news.code, words_of(news, session, stop), {});
  return publication_.look(session, Deadline::in(kCallDeadline), stop);
}

std::string SlotPulse::words_of(const SlotWatch::News& news, Session& session, const std::stop_token& stop) const {
  const std::string words = "slot " + settings_.slot + ": " + news.words;
  if (news.code != codes::kWalStalled.name) return words;
  const auto holder = load_walsender(session, settings_, Deadline::in(kCallDeadline), stop);
  return holder && *holder ? words + "; " + WalsenderWatch::words_of_silent(**holder) : words;
}

Status SlotPulse::look_at_walsender(const WalStream& stream, Session& session, const std::stop_token& stop) {
  if (!walsender_.wants_look(stream.silence(), clock_.now())) return {};
  const auto holder = load_walsender(session, settings_, Deadline::in(kCallDeadline), stop);
  if (!holder) return fail(holder.error());
  auto stalled = walsender_.judge(stream.silence(), stream.walsender_pid(), *holder);
  return stalled ? fail(*std::move(stalled)) : Status();
}

Error SlotPulse::why_held(Session& session, Deadline deadline, const std::stop_token& stop) const {
  const auto holder = load_walsender(session, settings_, deadline, stop);
  return holder ? walsender_.why_held(*holder) : holder.error();
}

// A server that hangs is silent on the stream, as an idle one is. The other session gets no answer.
Status SlotPulse::ask_for_sign(Session& session, const std::stop_token& stop) {
  if (clock_.now() < seen_.next_sign) return {};
  static const Statement kSign{"wal_sign", "SELECT 1"};
  const auto sign = session.run(kSign, {}, Deadline::in(kSignTakes), stop);
  if (!sign) return fail(sign.error());
  seen_.next_sign = clock_.now() + kSignEvery;
  return {};
}

}  // namespace penstock::wal
