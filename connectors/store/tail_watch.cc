#include "connectors/store/tail_watch.h"

#include "core/rest.h"

namespace penstock::connectors {
namespace {

constexpr std::chrono::milliseconds kLook{500};
// By then every instance that lost the lease to another one has found the new log.
constexpr std::chrono::seconds kOthersCompare{15};

}  // namespace

TailWatch::TailWatch(std::string route, OnLostTail on_lost_tail, store::EventLog& log, store::Gaps& gaps, Log& words)
    : route_(std::move(route)),
      on_lost_tail_(on_lost_tail),
      log_(log),
      gaps_(gaps),
      words_(words),
      compared_(log.generation()),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

void TailWatch::add(Position position, const EventId& id) {
  std::lock_guard lock(mutex_);
  tail_.add(position, id);
}

Result<std::uint64_t> TailWatch::compare() {
  const std::uint64_t generation = log_.generation();
  if (auto recorded = record_lost(); !recorded) return fail(std::move(recorded.error()));
  if (auto closed = check_no_open_gap(); !closed) return fail(std::move(closed.error()));
  return generation;
}

Status TailWatch::record_lost() {
  std::lock_guard one_at_a_time(comparing_);
  store::EventTail compared = [this] {
    std::lock_guard lock(mutex_);
    return tail_;
  }();
  const auto lost = compared.record_lost(
      route_, [this](Position at) { return log_.event_id_at(at); }, gaps_);
  if (!lost) return fail(lost.error());
  if (!*lost) return {};
  {
    std::lock_guard lock(mutex_);
    tail_.forget((*lost)->from, (*lost)->events);
  }
  const std::string number = std::to_string((*lost)->number);
  const bool stops = on_lost_tail_ == OnLostTail::kStop;
  words_.write(LogLevel::kError, "store", codes::kRelayLostTail.name,
               "a failover lost the end of the log: " + store::describe(**lost) + "; the route " +
                   (stops ? "waits for `penstock gaps ack " + number + "`" : "goes on"),
               {{"route", route_}});
  return {};
}

Status TailWatch::check_no_open_gap() {
  if (on_lost_tail_ == OnLostTail::kContinue) return {};
  const auto gap = gaps_.find_open(route_);
  if (!gap) return fail(Error(gap.error()).with_context("looking for open gaps"));
  has_open_gap_ = gap->has_value();
  if (!*gap) return {};
  const bool was_dropped = (*gap)->reason == codes::kStoreRemoved.name;
  return fail(was_dropped ? codes::kStoreRemoved : codes::kRelayLostTail,
              "route " + route_ + ": " + store::describe(**gap) + ", and it waits for `penstock gaps ack " +
                  std::to_string((*gap)->number) + "`");
}

Status TailWatch::check(std::uint64_t generation) const {
  if (log_.generation() == generation && !has_open_gap_) return {};
  return fail(codes::kRelayLogChanged,
              "route " + route_ +
                  (has_open_gap_ ? ": a gap of the log is on record since" : ": the log was promoted or restored"));
}

void TailWatch::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    look(std::chrono::steady_clock::now());
    rest(kLook, stop);
  }
}

// What fails is tried again at the next look.
void TailWatch::look(SteadyTime now) {
  const std::uint64_t generation = log_.generation();
  if (generation != compared_) {
    if (!record_lost()) return;
    compared_ = generation;
    look_for_gaps_until_ = now + kOthersCompare;
  }
  if (now < look_for_gaps_until_) static_cast<void>(check_no_open_gap());
}

}  // namespace penstock::connectors
