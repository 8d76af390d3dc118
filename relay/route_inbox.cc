#include "relay/route_inbox.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace penstock::relay {

void RouteInbox::Post::clear() {
  lease.clear();
  reports.clear();
  answers.clear();
  sink = Sink::kSame;
  drain_until.reset();
  course = Course::kGoesOn;
}

void RouteInbox::wake(std::unique_lock<std::mutex>& lock) {
  content_ = Content::kSomething;
  if (reader_ == Reader::kBusy) return;
  reader_ = Reader::kBusy;
  lock.unlock();
  arrived_.notify_one();
}

void RouteInbox::report(std::span<const connectors::DeliveryReport> reports) {
  std::unique_lock lock(mutex_);
  post_.reports.insert(post_.reports.end(), reports.begin(), reports.end());
  wake(lock);
}

void RouteInbox::sink_changed() {
  std::unique_lock lock(mutex_);
  post_.sink = Post::Sink::kChanged;
  wake(lock);
}

void RouteInbox::answer(SourceAnswer answer, const connectors::SourceFigures& figures) {
  std::unique_lock lock(mutex_);
  post_.answers.emplace_back(std::move(answer), figures);
  wake(lock);
}

void RouteInbox::lease_news(LeaseNews news) {
  std::unique_lock lock(mutex_);
  post_.lease.push_back(std::move(news));
  wake(lock);
}

void RouteInbox::drain(SteadyTime deadline) {
  std::unique_lock lock(mutex_);
  post_.drain_until = deadline;
  wake(lock);
}

void RouteInbox::stop() {
  std::unique_lock lock(mutex_);
  post_.course = Post::Course::kStop;
  wake(lock);
}

void RouteInbox::take(Post& post, SteadyTime until) {
  // Far-off times overflow on their way into the operating system's.
  const SteadyTime bounded = std::min(until, std::chrono::steady_clock::now() + std::chrono::hours(1));
  post.clear();
  std::unique_lock lock(mutex_);
  if (content_ == Content::kNothing) {
    reader_ = Reader::kWaits;
    arrived_.wait_until(lock, bounded, [this] { return content_ == Content::kSomething; });
    reader_ = Reader::kBusy;
  }
  content_ = Content::kNothing;
  std::swap(post, post_);
}

}  // namespace penstock::relay
