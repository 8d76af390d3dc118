// penstock run: the relay itself, until it is told to stop.
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <memory>
#include <mutex>

#include "cli/catch_up.h"
#include "cli/commands.h"
#include "cli/composition.h"
#include "cli/configuration.h"
#include "cli/metrics.h"
#include "cli/resident_memory.h"
#include "cli/spdlog_log.h"
#include "cli/stop_signals.h"
#include "relay/supervisor.h"

namespace penstock::cli {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kFirstWait{200};
constexpr milliseconds kLongestWait{5'000};
// By then routes run, or wait for something that is away.
constexpr milliseconds kStart{2'000};
constexpr milliseconds kBetweenProgress{1'000};
// What an orderly end may take after the second signal.
constexpr milliseconds kLastMoment{500};

struct RunOptions {
  std::vector<std::string> set;
  std::string log_level, log_format;
};

std::optional<std::vector<config::Override>> overrides_of(const RunOptions& options, Invocation& invocation) {
  std::vector<config::Override> overrides;
  for (const std::string& one : options.set) {
    const auto equals = one.find('=');
    if (equals == std::string::npos) {
      invocation.fail(ExitCode::kUsage, "--set: expected section.key=value");
      return std::nullopt;
    }
    overrides.push_back({one.substr(0, equals), one.substr(equals + 1), "--set"});
  }
  if (!options.log_level.empty()) overrides.push_back({"log.level", options.log_level, "--log-level"});
  if (!options.log_format.empty()) overrides.push_back({"log.format", options.log_format, "--log-format"});
  return overrides;
}

// Ends the process when an orderly end takes too long after the second signal.
class LastMoment {
 public:
  void runs(relay::Supervisor* supervisor) { supervisor_ = supervisor; }

  void finished() {
    std::lock_guard lock(mutex_);
    finished_ = true;
    changed_.notify_all();
  }

  void end_now() {
    if (relay::Supervisor* supervisor = supervisor_) supervisor->stop_now();
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, kLastMoment, [&] { return finished_; })) std::_Exit(static_cast<int>(ExitCode::kOk));
  }

 private:
  std::atomic<relay::Supervisor*> supervisor_ = nullptr;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool finished_ = false;
};

enum class StoreReady { kYes, kStopped, kNever };

// A store that is away is waited for; one that can't be used with this program ends it.
bool is_hopeless(const Error& error) {
  return &error.code() == &codes::kStoreSchemaTooNew || &error.code() == &codes::kConfigInvalid;
}

// Brings the schema up to date, however long the database takes to come up.
StoreReady wait_for_store(store::Store& store, Log& log, StopSignals& signals) {
  const ErrorCode* said = nullptr;
  for (milliseconds wait = kFirstWait;; wait = std::min(2 * wait, kLongestWait)) {
    const auto plan = store.plan_migration();
    const Status migrated = plan ? store.migrate() : fail(plan.error());
    if (migrated) {
      if (said != nullptr) log.info("store", "the store answers again");
      if (!plan->pending.empty()) {
        log.info("store", "the schema was brought up to date", {{"to", std::to_string(plan->pending.back().number)}});
      }
      return StoreReady::kYes;
    }
    if (is_hopeless(migrated.error())) {
      log.error("store", migrated.error());
      return StoreReady::kNever;
    }
    if (said != &migrated.error().code()) {
      said = &migrated.error().code();
      log.warn("store", Error(migrated.error()).with_context("waiting for the store"));
    }
    if (signals.wait_for(wait) == StopSignals::Waited::kStopped) return StoreReady::kStopped;
  }
}

void say_start(const config::Settings& settings, const store::Store& store, const std::string& instance, Log& log) {
  log.info("run", "penstock " PENSTOCK_VERSION " runs",
           {{"instance", instance}, {"store", store.backend()}, {"routes", std::to_string(settings.routes.size())}});
  if (settings.routes.empty())
    log.write(LogLevel::kWarn, "run", {}, "the configuration has no route: nothing is relayed", {});
}

void say_drained(relay::Ended ended, Log& log) {
  switch (ended) {
    case relay::Ended::kDrained: return;
    case relay::Ended::kLeftUnsettled:
      log.write(LogLevel::kWarn, "run", {},
                "a route ended before all that it had sent was settled: that will be delivered again", {});
      return;
    case relay::Ended::kDeadlinePassed:
      log.write(LogLevel::kWarn, "run", {}, "the time to stop has passed: what was in flight will be delivered again",
                {});
  }
}

// A terminal sees how far routes have come that have much to do; a file or a journal keeps to changes of state.
void wait_for_signal(const relay::Supervisor& supervisor, const config::Settings& settings, SpdlogLog& log,
                     StopSignals& signals) {
  const bool is_read_by_people = ::isatty(STDERR_FILENO) == 1 && settings.log.format == config::LogTable::Format::kText;
  if (!is_read_by_people) return signals.wait();
  CatchUp catch_up;
  std::string shown;
  while (signals.wait_for(kBetweenProgress) == StopSignals::Waited::kTimedOut) {
    std::string text = catch_up.observe(supervisor.states(), std::chrono::steady_clock::now());
    if (text.empty() && shown.empty()) continue;
    log.show_progress(text);
    shown = std::move(text);
  }
  if (!shown.empty()) log.show_progress("");
}

// Who looks at the supervisor while it is there.
struct Onlookers {
  LastMoment& last_moment;
  api::MetricsListener* metrics;  // null: nobody asked for one
};

class Watched {
 public:
  Watched(relay::Supervisor& supervisor, Onlookers onlookers) : onlookers_(onlookers) { show(&supervisor); }
  ~Watched() { show(nullptr); }
  Watched(const Watched&) = delete;
  Watched& operator=(const Watched&) = delete;

 private:
  void show(relay::Supervisor* supervisor) {
    onlookers_.last_moment.runs(supervisor);
    if (onlookers_.metrics != nullptr) onlookers_.metrics->show(supervisor);
  }

  const Onlookers onlookers_;
};

void relay_until_stopped(const config::Settings& settings, store::Store& store, SpdlogLog& log,
                         const connectors::Surroundings& surroundings, StopSignals& signals, Onlookers onlookers) {
  relay::Supervisor supervisor(store, surroundings, make_route_plans(settings, store, surroundings));
  const Watched watched(supervisor, onlookers);
  supervisor.start();
  if (signals.wait_for(kStart) == StopSignals::Waited::kTimedOut) {
    give_back_pages_of_the_start();
    wait_for_signal(supervisor, settings, log, signals);
  }
  const std::string grace = std::to_string(settings.shutdown_grace.count());
  surroundings.log.info("run", "stopping: what is in flight is settled first", {{"grace_ms", grace}});
  say_drained(supervisor.drain(Deadline::in(settings.shutdown_grace)), surroundings.log);
}

void run_with(const config::Settings& settings, Invocation& invocation, StopSignals& signals, LastMoment& last_moment) {
  const SystemClock clock;
  SystemRandom random;
  SpdlogLog log(clock, {STDERR_FILENO, settings.log, invocation.palette(STDERR_FILENO)});
  const connectors::Surroundings surroundings{clock, random, log, make_instance_name(random)};

  const auto metrics = serve_metrics(settings.metrics, clock, log);
  if (!metrics) {
    log.error("run", metrics.error());
    invocation.exit = exit_code_of(metrics.error());
    return;
  }

  const auto store = make_store(settings, surroundings.instance, log, store::StoreSettings::Inbox::kWatched);
  if (!store) return invocation.fail(store.error());
  switch (wait_for_store(**store, log, signals)) {
    case StoreReady::kStopped: return;
    case StoreReady::kNever: invocation.exit = ExitCode::kConfig; return;
    case StoreReady::kYes: break;
  }
  say_start(settings, **store, surroundings.instance, log);
  relay_until_stopped(settings, **store, log, surroundings, signals, {last_moment, metrics->get()});
  log.info("run", "stopped");
}

void run(const RunOptions& options, Invocation& invocation) {
  const auto overrides = overrides_of(options, invocation);
  if (!overrides) return;
  const auto settings = load_settings(invocation, {*overrides});
  if (!settings) return;
  LastMoment last_moment;
  StopSignals signals([&last_moment] { last_moment.end_now(); });
  run_with(*settings, invocation, signals, last_moment);
  last_moment.finished();
}

}  // namespace

void add_run(CLI::App& app, Invocation& invocation) {
  CLI::App* command = app.add_subcommand("run", "Run all routes until SIGTERM or SIGINT");
  auto options = std::make_shared<RunOptions>();
  command->add_option("--set", options->set, "Override a key of [store], [log], [shutdown], [limits] or [metrics]")
      ->type_name("SECTION.KEY=VALUE")
      ->allow_extra_args(false);
  command->add_option("--log-level", options->log_level, "trace, debug, info, warn or error")->type_name("LEVEL");
  command->add_option("--log-format", options->log_format, "text or json")->type_name("FORMAT");
  add_config_option(*command, invocation);
  add_colour_option(*command, invocation);
  set_examples(*command, "penstock run -c penstock.toml",
               "PENSTOCK_STORE__URL=sqlite:/var/lib/penstock/events.db penstock run --log-format json");
  command->callback([options, &invocation] { run(*options, invocation); });
}

}  // namespace penstock::cli
