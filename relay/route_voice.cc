#include "relay/route_voice.h"

#include <algorithm>
#include <cstdio>
#include <utility>

namespace penstock::relay {
namespace {

constexpr std::string_view kComponent = "relay";
constexpr std::chrono::seconds kSoon{60};
constexpr std::chrono::seconds kFirstCalm{1}, kLongestCalm{16};
constexpr std::chrono::seconds kBetweenCodes{15}, kBetweenParked{10};
constexpr std::chrono::seconds kBetweenWords{60};  // of one code: most say the same with another number
constexpr std::size_t kCodesAtOnce = 4;            // within kSoon

bool is_fault(RoutePhase phase) { return phase == RoutePhase::kBackingOff || phase == RoutePhase::kBlocked; }

std::string seconds_text(Duration duration) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", std::chrono::duration<double>(duration).count());
  return text;
}

std::string_view in_words(RoutePhase phase) {
  switch (phase) {
    case RoutePhase::kStarting: return "is starting";
    case RoutePhase::kStandby: return "stands by";
    case RoutePhase::kRunning: return "is running";
    case RoutePhase::kBackingOff: return "waits and tries again";
    case RoutePhase::kBlocked: return "is blocked by its sink";
    case RoutePhase::kDraining: return "is stopping";
    case RoutePhase::kStopped: return "has stopped";
    case RoutePhase::kFailed: return "has failed and stands still until the program is started again";
  }
  return "";
}

std::string_view in_words(connectors::Outcome outcome) {
  switch (outcome) {
    case connectors::Outcome::kDelivered: return "delivered";
    case connectors::Outcome::kRetryable: return "not delivered, or nobody knows";
    case connectors::Outcome::kRejected: return "refused";
  }
  return "";
}

}  // namespace

RouteVoice::RouteVoice(std::string route, const Clock& clock, Log& log)
    : route_(std::move(route)),
      clock_(clock),
      log_(log),
      since_(clock.wall_now()),
      entered_at_(clock.now()),
      said_at_(entered_at_) {}

void RouteVoice::observe(RoutePhase phase, const Error* why, SteadyTime now) {
  code_due_.reset();
  // Coming back from a standby or a fault is not a new start.
  if (phase == RoutePhase::kStarting && phase_ != RoutePhase::kStarting) return;
  const std::string_view code = why != nullptr ? why->code().name : std::string_view();
  if (phase == RoutePhase::kRunning && is_fault(phase_)) {
    if (!well_since_) well_since_ = now;
    if (now - *well_since_ < calm_) return;
    change(phase, why, now);
    return;
  }
  well_since_.reset();
  if (phase != phase_) {
    change(phase, why, now);
    return;
  }
  const std::string_view message = why != nullptr ? std::string_view(why->message()) : std::string_view();
  if (code != code_ || message != message_) {
    code_ = code;
    message_ = message;
    ++changes_;
  }
  const bool same_code = code_ == said_code_;
  if (same_code && (message_ == said_message_ || !is_fault(phase_))) return;
  code_due_ = same_code ? said_at_ + kBetweenWords : may_say_code_at(now);
  if (now >= *code_due_) say_entry(why, now);
}

SteadyTime RouteVoice::next_due() const {
  const SteadyTime calm = well_since_ ? *well_since_ + calm_ : SteadyTime::max();
  return std::min(calm, code_due_.value_or(SteadyTime::max()));
}

// One that has not been said for a while is said at once; one that keeps coming back waits for its turn.
SteadyTime RouteVoice::may_say_code_at(SteadyTime now) const {
  const auto before = said_.find(code_);
  const bool is_new = !code_.empty() && (before == said_.end() || now - before->second >= kSoon);
  return is_new && said_.size() < kCodesAtOnce ? now : said_at_ + kBetweenCodes;
}

void RouteVoice::change(RoutePhase phase, const Error* why, SteadyTime now) {
  const bool recovers = phase == RoutePhase::kRunning && (is_fault(phase_) || phase_ == RoutePhase::kStandby);
  if (is_fault(phase) && !is_fault(phase_)) {
    const bool again = recovered_at_ && now - *recovered_at_ < kSoon;
    calm_ = again ? std::clamp<Duration>(calm_ * 2, kFirstCalm, kLongestCalm) : Duration{};
  }
  if (recovers) {
    say_recovery(now);
    recovered_at_ = now;
  }
  phase_ = phase;
  code_ = why != nullptr ? why->code().name : std::string_view();
  message_ = why != nullptr ? why->message() : std::string();
  since_ = clock_.wall_now();
  entered_at_ = now;
  well_since_.reset();
  ++changes_;
  if (recovers) {
    said_at_ = now;
    said_code_ = code_;
    said_message_ = message_;
  } else {
    say_entry(why, now);
  }
}

void RouteVoice::say_entry(const Error* why, SteadyTime now) {
  std::erase_if(said_, [&](const auto& said) { return now - said.second >= kSoon; });
  said_at_ = now;
  said_code_ = code_;
  said_message_ = message_;
  code_due_.reset();
  if (!code_.empty()) said_[code_] = now;
  const std::string words = "route " + route_ + " " + std::string(in_words(phase_));
  if (why == nullptr) {
    log_.info(kComponent, words, {{"route", route_}, {"phase", to_string(phase_)}});
    return;
  }
  const Error said(why->code(), words + ": " + why->message());
  if (phase_ == RoutePhase::kFailed) {
    log_.error(kComponent, said, {{"route", route_}, {"phase", to_string(phase_)}});
  } else if (phase_ == RoutePhase::kStandby) {
    log_.write(LogLevel::kInfo, kComponent, said.code().name, said.message(),
               {{"route", route_}, {"phase", to_string(phase_)}});
  } else {
    log_.warn(kComponent, said, {{"route", route_}, {"phase", to_string(phase_)}});
  }
}

void RouteVoice::say_recovery(SteadyTime now) {
  const std::string lasted = seconds_text(now - entered_at_);
  log_.write(LogLevel::kInfo, kComponent, code_, "route " + route_ + " is running again after " + lasted + " s",
             {{"route", route_}, {"phase", to_string(RoutePhase::kRunning)}, {"seconds", lasted}});
}

void RouteVoice::parked(std::string_view code, std::string_view reason, std::string_view source_key, SteadyTime now) {
  ++parked_unsaid_;
  if (parked_said_at_ && now - *parked_said_at_ < kBetweenParked) return;
  parked_said_at_ = now;
  const std::string count = std::to_string(std::exchange(parked_unsaid_, 0));
  log_.write(LogLevel::kWarn, kComponent, code,
             "route " + route_ + " set aside " + count +
                 " since the last such line, the last because: " + std::string(reason) + " See `penstock parked ls`.",
             {{"route", route_}, {"count", count}, {"source_key", source_key}});
}

void RouteVoice::outcome(const Event& event, std::uint32_t attempt, const connectors::DeliveryReport& report) {
  if (!log_.enabled(LogLevel::kDebug)) return;
  std::string words = "route " + route_ + ": an event was " + std::string(in_words(report.outcome));
  if (report.error) words += ": " + report.error->message();
  const std::string position =
      event.position ? std::to_string(event.position->value) : std::string(event.source_position);
  log_.write(LogLevel::kDebug, kComponent, report.error ? report.error->code().name : std::string_view(), words,
             {{"route", route_},
              {"position", position},
              {"event_id", event.id.to_string()},
              {"attempt", std::to_string(attempt)}});
}

void RouteVoice::goes_carefully(std::uint32_t ends) {
  log_.info(kComponent,
            "route " + route_ + " tries its events one by one: the program ended " + std::to_string(ends) +
                " times before it had settled one of them",
            {{"route", route_}});
}

void RouteVoice::no_longer_careful() {
  log_.info(kComponent, "route " + route_ + " goes on with many events at once", {{"route", route_}});
}

void RouteVoice::unexpected_report() {
  if (std::exchange(unexpected_, Said::kYes) == Said::kYes) return;
  log_.warn(kComponent,
            Error(codes::kInternal, "the sink of route " + route_ +
                                        " reported an outcome twice or too late; the first one counted, and further "
                                        "ones are only counted in the route's figures"),
            {{"route", route_}});
}

}  // namespace penstock::relay
