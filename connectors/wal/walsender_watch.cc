#include "connectors/wal/walsender_watch.h"

#include <algorithm>

namespace penstock::wal {
namespace {

using store::postgres::Parameters;
using store::postgres::Session;
using store::postgres::Statement;

constexpr std::chrono::seconds kSilence{12}, kBetweenLooks{1};
// What it said before the look may still be on its way.
constexpr int kEnoughLooks = 2;
constexpr std::chrono::hours kLongestPatience{1};

const Statement kHolder{
    "",
    "SELECT s.active_pid::int8, coalesce(a.application_name, ''), coalesce(a.wait_event LIKE 'WalSender%', false),"
    " coalesce(r.heard::text, ''), coalesce(clock_timestamp() - r.heard > interval '20 s', false)"
    " FROM pg_replication_slots s LEFT JOIN pg_stat_activity a ON a.pid = s.active_pid"
    // Without a state the answers are kept from our role, too.
    " LEFT JOIN (SELECT v.pid, coalesce(v.reply_time, v.backend_start) AS heard FROM pg_stat_replication v"
    "  WHERE v.state IS NOT NULL) r ON r.pid = s.active_pid"
    " WHERE s.slot_name = $1 AND s.active_pid IS NOT NULL"};

}  // namespace

Result<std::optional<Walsender>> load_walsender(Session& session, const WalSettings& settings, Deadline deadline,
                                                const std::stop_token& stop) {
  Parameters parameters;
  parameters.text(settings.slot);
  const auto rows = session.run(kHolder, parameters, deadline, stop);
  if (!rows) return fail(rows.error());
  if (rows->empty()) return std::nullopt;
  return Walsender{rows->integer(0, 0), std::string(rows->bytes(0, 1)),
                   rows->boolean(0, 2) ? Walsender::Does::kWaits : Walsender::Does::kWorks,
                   std::string(rows->bytes(0, 3)),
                   rows->boolean(0, 4) ? Walsender::Reader::kSilent : Walsender::Reader::kSpeaks};
}

bool WalsenderWatch::wants_look(Duration silence, SteadyTime now) {
  if (silence < kSilence) looks_that_waits_ = 0;
  if (silence < kSilence || now < next_look_) return false;
  next_look_ = now + kBetweenLooks;
  return true;
}

std::optional<Error> WalsenderWatch::judge(Duration silence, std::int64_t pid, const std::optional<Walsender>& holder) {
  if (!holder || holder->pid != pid)
    return Error(codes::kWalStalled, "the stream of slot " + slot_ +
                                         " is silent, and the server has ended it: its end was lost on the way");
  if (holder->does == Walsender::Does::kWorks) {
    looks_that_waits_ = 0;
    if (silence < patience_) return std::nullopt;
    patience_ = std::min<Duration>(patience_ * 2, kLongestPatience);
  } else if (++looks_that_waits_ < kEnoughLooks) {
    return std::nullopt;
  }
  hung_pid_ = pid;
  return hangs(pid);
}

Error WalsenderWatch::why_held(const std::optional<Walsender>& holder) const {
  if (!holder) return {codes::kWalSlotInUse, "slot " + slot_ + " was read by somebody else a moment ago"};
  if (holder->pid == hung_pid_) return hangs(hung_pid_);
  const std::string pid = std::to_string(holder->pid);
  std::string words = "slot " + slot_ + " is read by somebody else, through walsender pid " + pid;
  if (!holder->application.empty()) words += " (" + holder->application + ")";
  if (holder->reader == Walsender::Reader::kSilent)
    words += ", which has not heard of its reader for more than 20 s; if it hangs: SELECT pg_terminate_backend(" + pid +
             ");";
  return {codes::kWalSlotInUse, words};
}

std::string WalsenderWatch::words_of_silent(const Walsender& walsender) {
  const std::string pid = std::to_string(walsender.pid);
  if (walsender.does != Walsender::Does::kWorks) return "walsender pid " + pid + " waits for more of the log";
  return "walsender pid " + pid + " works on something large, or was stopped: then `ps -o stat= -p " + pid +
         "` on the server's host says T, and SIGCONT lets it go on; SELECT pg_terminate_backend(" + pid +
         "); makes it begin again";
}

Error WalsenderWatch::hangs(std::int64_t pid) const {
  const std::string number = std::to_string(pid);
  return {codes::kWalStalled, "walsender pid " + number + " holds slot " + slot_ +
                                  " and doesn't answer; the source goes on once it does, or is gone: SELECT"
                                  " pg_terminate_backend(" +
                                  number + "); a process that was stopped also needs SIGCONT"};
}

}  // namespace penstock::wal
