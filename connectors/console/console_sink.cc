#include "connectors/console/console_sink.h"

#include <unistd.h>

#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "connectors/console/line_writer.h"
#include "core/json_text.h"

namespace penstock::console {
namespace {

using connectors::DeliveryReport;
using connectors::Outcome;
using connectors::OutcomeListener;
using connectors::Sink;
using connectors::SinkState;
using connectors::Submitted;
using connectors::Ticket;

constexpr std::size_t kMostWaiting = 1 << 20;  // bytes of lines that wait for the writer
constexpr std::size_t kWorthwhile = 64 << 10;  // so many are written, or reported, without waiting for more

// Lines in one piece, and where each ends.
struct Lines {
  struct Line {
    Ticket ticket;
    std::size_t end;
  };
  std::string text;
  std::vector<Line> lines;

  void clear() {
    text.clear();
    lines.clear();
  }
};

class ConsoleSink final : public Sink {
 public:
  ConsoleSink(int descriptor, OutcomeListener& listener)
      : writer_(descriptor), listener_(listener), thread_([this](const std::stop_token& stop) { run(stop); }) {}

  // Everything after a failed line fails with it.
  connectors::LaterMayPass later_may_pass() const override { return connectors::LaterMayPass::kNo; }

  Status open(Deadline deadline, std::stop_token stop) override;
  Submitted submit(Ticket ticket, const connectors::Message& message) override;
  void flush() override;
  Drained drain(Deadline deadline) override;
  void abandon() override;

  SinkState state() const override {
    std::lock_guard lock(mutex_);
    return state_;
  }

 private:
  void begin_writing();
  void run(const std::stop_token& stop);
  void write_lines(const std::stop_token& stop);
  void report_written(std::size_t written);
  void report(Outcome outcome, std::size_t count, const std::shared_ptr<const Error>& error);
  void fail_all(std::size_t written, std::shared_ptr<const Error> why);
  std::shared_ptr<const Error> why_abandoned() const;
  void set_phase(SinkState::Phase phase, std::shared_ptr<const Error> why);

  LineWriter writer_;
  OutcomeListener& listener_;

  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  // Under mutex_:
  SinkState state_;
  Lines waiting_;
  std::size_t outstanding_ = 0;
  bool abandoned_ = false;
  enum class Course { kGathers, kWrites } course_ = Course::kGathers;

  // Of the writing thread:
  Lines writing_;
  std::size_t reported_ = 0;  // lines of writing_
  std::vector<DeliveryReport> reports_;

  std::jthread thread_;  // last: ends first
};

Status ConsoleSink::open(Deadline, std::stop_token) {
  if (auto usable = writer_.check(); !usable) return usable;
  std::lock_guard lock(mutex_);
  state_ = {SinkState::Phase::kReady, nullptr};
  abandoned_ = false;
  return {};
}

Submitted ConsoleSink::submit(Ticket ticket, const connectors::Message& message) {
  std::lock_guard lock(mutex_);
  const bool open = state_.phase == SinkState::Phase::kReady || state_.phase == SinkState::Phase::kBlocked;
  if (!open || abandoned_ || waiting_.text.size() > kMostWaiting) return Submitted::kFull;
  append_event_json(waiting_.text, *message.event);
  waiting_.text += '\n';
  waiting_.lines.push_back({ticket, waiting_.text.size()});
  ++outstanding_;
  if (waiting_.text.size() >= kWorthwhile) begin_writing();
  return Submitted::kAccepted;
}

// Under mutex_. A writer that is woken for each line costs more than the lines.
void ConsoleSink::begin_writing() {
  if (waiting_.lines.empty()) return;
  course_ = Course::kWrites;
  changed_.notify_all();
}

void ConsoleSink::flush() {
  std::lock_guard lock(mutex_);
  begin_writing();
}

Sink::Drained ConsoleSink::drain(Deadline deadline) {
  std::unique_lock lock(mutex_);
  begin_writing();
  const bool all = changed_.wait_until(lock, deadline.time(), [this] { return outstanding_ == 0; });
  return all ? Drained::kAll : Drained::kNotAll;
}

void ConsoleSink::abandon() {
  std::lock_guard lock(mutex_);
  abandoned_ = true;
  state_ = {SinkState::Phase::kBroken,
            std::make_shared<const Error>(codes::kStoreFenced, "the right to write was lost")};
  begin_writing();
}

void ConsoleSink::run(const std::stop_token& stop) {
  LineWriter::block_broken_pipe_signal();
  while (!stop.stop_requested()) {
    {
      std::unique_lock lock(mutex_);
      const auto is_due = [this] { return course_ == Course::kWrites && !waiting_.lines.empty(); };
      if (!changed_.wait(lock, stop, is_due)) return;
      std::swap(waiting_, writing_);
      course_ = Course::kGathers;
    }
    write_lines(stop);
    writing_.clear();
  }
}

// Reports lines once they are taken; ends early when writing fails, when the right was lost, at the stop.
void ConsoleSink::write_lines(const std::stop_token& stop) {
  std::size_t written = 0, told = 0;
  reported_ = 0;
  while (written < writing_.text.size() && !stop.stop_requested()) {
    if (auto why = why_abandoned()) return fail_all(written, std::move(why));
    const auto step = writer_.write_some(std::string_view(writing_.text).substr(written));
    if (!step) return fail_all(written, std::make_shared<const Error>(step.error()));
    if (*step == 0) {
      report_written(written);
      if (writer_.stalled()) set_phase(SinkState::Phase::kBlocked, writer_.why_stalled());
      continue;
    }
    set_phase(SinkState::Phase::kReady, nullptr);
    written += *step;
    if (written - told < kWorthwhile && written < writing_.text.size()) continue;
    report_written(written);
    told = written;
  }
}

void ConsoleSink::report_written(std::size_t written) {
  std::size_t whole = reported_;
  while (whole < writing_.lines.size() && writing_.lines[whole].end <= written) ++whole;
  report(Outcome::kDelivered, whole - reported_, nullptr);
}

void ConsoleSink::report(Outcome outcome, std::size_t count, const std::shared_ptr<const Error>& error) {
  if (count == 0) return;
  reports_.clear();
  for (std::size_t i = 0; i < count; ++i) reports_.push_back({writing_.lines[reported_ + i].ticket, outcome, error});
  reported_ += count;
  listener_.report(reports_);
  std::lock_guard lock(mutex_);
  outstanding_ -= count;
  changed_.notify_all();
}

std::shared_ptr<const Error> ConsoleSink::why_abandoned() const {
  std::lock_guard lock(mutex_);
  return abandoned_ ? state_.why : nullptr;
}

void ConsoleSink::fail_all(std::size_t written, std::shared_ptr<const Error> why) {
  report_written(written);
  writer_.give_up_line();
  // What was accepted meanwhile fails with it, and nothing of the next session, which may begin with the last report.
  {
    std::lock_guard lock(mutex_);
    if (state_.phase != SinkState::Phase::kBroken) state_ = {SinkState::Phase::kBroken, why};
    writing_.lines.insert(writing_.lines.end(), waiting_.lines.begin(), waiting_.lines.end());
    waiting_.clear();
    course_ = Course::kGathers;
  }
  listener_.sink_changed();
  report(Outcome::kRetryable, writing_.lines.size() - reported_, why);
  reported_ = 0;
  writing_.clear();
}

void ConsoleSink::set_phase(SinkState::Phase phase, std::shared_ptr<const Error> why) {
  {
    std::lock_guard lock(mutex_);
    if (state_.phase == phase || state_.phase == SinkState::Phase::kBroken) return;
    state_ = {phase, std::move(why)};
  }
  listener_.sink_changed();
}

std::vector<SectionError> check(const Section&) { return {}; }

connectors::RouteTemplates templates(const Section&, const Section&) { return {.destination = {}, .routing_key = {}}; }

Result<std::unique_ptr<Sink>> make(const Section&, const connectors::SinkRoute&, const connectors::Surroundings&,
                                   OutcomeListener& listener) {
  return make_console_sink(STDOUT_FILENO, listener);
}

std::vector<connectors::Finding> inspect(const Section&, std::span<const connectors::RouteTemplates>, std::size_t,
                                         Deadline) {
  const auto usable = LineWriter(STDOUT_FILENO).check();
  if (usable) return {{connectors::Finding::Severity::kOk, "standard output", "is open", {}}};
  return {{connectors::Finding::Severity::kError, "standard output", usable.error().message(),
           std::string(usable.error().code().hint)}};
}

}  // namespace

std::unique_ptr<Sink> make_console_sink(int descriptor, OutcomeListener& listener) {
  return std::make_unique<ConsoleSink>(descriptor, listener);
}

const connectors::SinkKind& sink_kind() {
  static const connectors::SinkKind kKind{
      .name = "console",
      .title = "JSON lines on standard output",
      .sink_fields = {},
      .route_fields = {},
      .wire_profiles = {},
      .check = check,
      .templates = templates,
      .make = make,
      .inspect = inspect,
  };
  return kKind;
}

}  // namespace penstock::console
