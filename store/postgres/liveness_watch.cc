#include "store/postgres/liveness_watch.h"

#include "core/rest.h"

namespace penstock::store::postgres {
namespace {

using namespace std::chrono_literals;

constexpr Duration kBetweenSigns = 1s, kAnswer = 5s, kSilence = 15s;

const Statement kSign{"sign_of_life", "SELECT 1"};

}  // namespace

LivenessWatch::LivenessWatch(SessionOpener& opener, std::stop_token stop)
    : opener_(opener),
      stopped_(std::move(stop), Passing{gone_}),
      thread_([this](std::stop_token ended) { run(std::move(ended)); }) {}

void LivenessWatch::run(std::stop_token ended) {
  std::unique_ptr<Session> session;
  SteadyTime last_sign = std::chrono::steady_clock::now();
  while (!ended.stop_requested()) {
    const Deadline deadline = Deadline::in(kAnswer);
    if (!session || session->broken()) {
      auto opened = opener_.open("watch", deadline, ended);
      session = opened ? std::move(opened->session) : nullptr;
    }
    const SteadyTime now = std::chrono::steady_clock::now();
    if (session && session->run(kSign, {}, deadline, ended)) {
      last_sign = now;
    } else if (now - last_sign > kSilence) {
      gone_.request_stop();
      return;
    }
    rest(kBetweenSigns, ended);
  }
}

}  // namespace penstock::store::postgres
