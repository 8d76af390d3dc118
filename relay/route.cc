#include "relay/route.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "core/without_exceptions.h"

namespace penstock::relay {
namespace {

// How old the published figures of a busy route may be.
constexpr std::chrono::milliseconds kPublishEvery{250};

}  // namespace

Route::Route(RoutePlan plan, Shared shared)
    : plan_(std::move(plan)),
      shared_(std::move(shared)),
      voice_(plan_.settings.name, shared_.surroundings.clock, shared_.surroundings.log) {}

Route::~Route() {
  stop();
  join();
}

void Route::join() {
  if (thread_.joinable()) thread_.join();
}

void Route::start() {
  publish();
  thread_ = std::jthread([this] { run(); });
}

void Route::drain(SteadyTime deadline) {
  inbox_.drain(deadline);
  interrupt_.interrupt();
}

void Route::stop() {
  inbox_.stop();
  interrupt_.end();
}

Status Route::make_ends(LeasePort& lease) {
  try {
    auto mapping = Mapping::make(plan_.settings, plan_.wire);
    if (!mapping) return fail(std::move(mapping.error()));
    auto sink = plan_.make_sink(inbox_);
    if (!sink) return fail(std::move(sink.error()).with_context("making the sink"));
    auto source = plan_.make_source();
    if (!source) return fail(std::move(source.error()).with_context("making the source"));
    sink_ = std::move(*sink);
    pump_ = std::make_unique<SourcePump>(
        std::move(*source), SourceWorker::Lists{shared_.store.parked(), shared_.store.attempts()},
        SourceWorker::Names{plan_.settings.name, plan_.source_name}, plan_.settings.attempts, inbox_);
    machine_ = std::make_unique<RouteMachine>(plan_.settings, plan_.source_name, std::move(*mapping),
                                              RouteMachine::Ends{*pump_, lease, *sink_, shared_.turn},
                                              shared_.surroundings, voice_, until_posted_);
    return {};
  } catch (const std::exception& defect) {
    return fail(unforeseen("the route", defect));
  }
}

void Route::run() {
  Progress end = Progress::kEnded;
  try {
    end = run_to_its_end();
  } catch (const std::exception& defect) {
    // What failed may fail again; and others may wait for the turn that it has.
    sink_.reset();
    machine_.reset();
    const Error error = unforeseen("the route", defect);
    voice_.observe(RoutePhase::kFailed, &error, shared_.surroundings.clock.now());
    publish();
    wait_for_the_end();
  }
  progress_ = end;
  shared_.changed();
  sink_.reset();  // from here on nobody reports to the inbox, or reads a message
  machine_.reset();
  pump_.reset();
}

Route::Progress Route::run_to_its_end() {
  const Clock& clock = shared_.surroundings.clock;
  LeasePort& lease = shared_.leases.add_route(plan_.settings.name, inbox_);
  const RetryPolicy policy(plan_.settings.retry, shared_.surroundings.random);
  BackOff back_off(policy);
  RouteInbox::Post post;
  SteadyTime wake = clock.now();

  for (;;) {
    if (!machine_ && clock.now() >= wake) {
      if (const Status made = make_ends(lease); !made) {
        back_off.failed(clock.now());
        wake = back_off.until();
        voice_.observe(RoutePhase::kBackingOff, &made.error(), clock.now());
      }
    }
    if (machine_) wake = step(post);
    publish();
    if (machine_ && machine_->has_ended())
      return machine_->ended_drained() ? Progress::kEndedDrained : Progress::kEnded;
    if (figures_ == Figures::kNewer) wake = std::min(wake, published_at_ + kPublishEvery);

    until_posted_ = interrupt_.token();
    inbox_.take(post, wake);
    if (post.course == RouteInbox::Post::Course::kStop) return Progress::kEnded;
    if (!machine_ && post.drain_until) {
      voice_.observe(RoutePhase::kStopped, nullptr, clock.now());
      publish();
      return Progress::kEndedDrained;
    }
  }
}

// A route whose thread can't go on keeps its lease all the same, so that no other instance runs into
// the same defect.
void Route::wait_for_the_end() {
  RouteInbox::Post post;
  do {
    inbox_.take(post, SteadyTime::max());
  } while (post.course != RouteInbox::Post::Course::kStop && !post.drain_until);
}

SteadyTime Route::step(RouteInbox::Post& post) {
  try {
    for (LeaseNews& news : post.lease) machine_->on_lease(std::move(news));
    machine_->on_reports(post.reports);
    if (post.sink == RouteInbox::Post::Sink::kChanged) machine_->on_sink_changed();
    for (RouteInbox::AnswerWithFigures& answered : post.answers)
      machine_->on_source(std::move(answered.answer), answered.figures);
    if (post.drain_until) machine_->drain(*post.drain_until);
    return machine_->advance();
  } catch (const std::exception& defect) {
    machine_->fail(unforeseen("the route", defect));
    return shared_.surroundings.clock.now();
  }
}

void Route::publish() {
  const SteadyTime now = shared_.surroundings.clock.now();
  const bool changed = voice_.changes() != published_changes_;
  figures_ = Figures::kNewer;
  if (!changed && now - published_at_ < kPublishEvery) return;
  RouteReport report = machine_ ? machine_->report() : RouteReport{};
  report.phase = voice_.phase();
  report.code = voice_.code();
  report.message = voice_.message();
  report.since = voice_.since();
  {
    std::lock_guard lock(mutex_);
    published_ = std::move(report);
  }
  published_at_ = now;
  figures_ = Figures::kPublished;
  if (!changed) return;
  published_changes_ = voice_.changes();
  shared_.changed();
}

store::RouteState Route::state() const {
  std::lock_guard lock(mutex_);
  return state_of(published_, plan_.settings.name, shared_.surroundings.instance,
                  shared_.surroundings.clock.wall_now());
}

NamedReport Route::report() const {
  const RouteSettings& settings = plan_.settings;
  NamedReport named{settings.name, {plan_.source_name, plan_.source_kind}, {settings.to, plan_.sink_kind}, {}};
  std::lock_guard lock(mutex_);
  named.report = published_;
  return named;
}

}  // namespace penstock::relay
