#include "store/postgres/inbox_watch.h"

#include <algorithm>

#include "core/rest.h"

namespace penstock::store::postgres {
namespace {

using namespace std::chrono_literals;

constexpr std::int32_t kOneCall = 1'000;  // milliseconds that the server waits
constexpr Duration kAnswer = 12s, kConnect = 5s, kAway = 1s;
// Between sweeps that moved nothing although there is something to move.
constexpr Duration kFirstPause = 20ms, kLongestPause = 1s;

}  // namespace

InboxWatch::InboxWatch(SessionOpener& opener, std::function<void()> sequence)
    : opener_(opener),
      sequence_(std::move(sequence)),
      await_inbox_{"await_inbox", opener.schema().expand("SELECT @schema@.await_inbox($1)")},
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

void InboxWatch::run(const std::stop_token& stop) {
  std::unique_ptr<Session> session;
  std::uint64_t generation = 0;
  std::int64_t lowest_before = 0;
  Duration pause{};
  Parameters call;
  call.int4(kOneCall);
  while (!stop.stop_requested()) {
    if (!session || session->broken() || generation != opener_.generation()) {
      auto opened = opener_.open("inbox", Deadline::in(kConnect), stop);
      if (!opened) {
        rest(kAway, stop);
        continue;
      }
      session = std::move(opened->session);
      generation = opened->generation;
    }
    const auto seen = session->run(await_inbox_, call, Deadline::in(kAnswer), stop);
    if (!seen) {
      session.reset();
      rest(kFirstPause, stop);
      continue;
    }
    if (seen->is_null(0, 0)) continue;
    // Who sweeps reports what went wrong; here it only must not be tried without a pause.
    const std::int64_t lowest = seen->integer(0, 0);
    pause = lowest == lowest_before ? std::clamp<Duration>(pause * 2, kFirstPause, kLongestPause) : Duration::zero();
    lowest_before = lowest;
    if (pause > Duration::zero()) rest(pause, stop);
    sequence_();
  }
}

}  // namespace penstock::store::postgres
