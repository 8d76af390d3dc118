// The endpoint over routes that run, on memory doubles.
#include "api/metrics_listener.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "relay/supervisor.h"
#include "tests/support/eventually.h"
#include "tests/support/http_talk.h"
#include "tests/support/memory_sink.h"
#include "tests/support/memory_source.h"
#include "tests/support/memory_store.h"
#include "tests/support/recording_log.h"

namespace penstock::api {
namespace {

using testing::HasSubstr;
using testing::Not;
using tests::http_get;

class MetricsListenerTest : public testing::Test {
 protected:
  MetricsListenerTest() {
    auto started = MetricsListener::start({"127.0.0.1", 0}, {clock_, "1.2.3", [] { return LogFigures{{}, 7}; }});
    if (!started) throw std::runtime_error(started.error().describe());
    listener_ = std::move(*started);
  }

  std::string scrape() const { return http_get(listener_->address().port, "/metrics").body; }

  relay::RoutePlan plan(std::string name) {
    relay::RoutePlan plan;
    plan.settings.name = std::move(name);
    plan.settings.to = "broker";
    plan.settings.templates.destination = "events";
    plan.source_name = "table";
    plan.source_kind = "outbox";
    plan.sink_kind = "kafka";
    plan.make_source = [this]() -> Result<std::unique_ptr<connectors::Source>> {
      return std::make_unique<tests::MemorySource>(
          table_, tests::MemorySourceSettings{.when_empty = tests::MemorySourceSettings::WhenEmpty::kWaits});
    };
    plan.make_sink = [this](connectors::OutcomeListener& outcomes) -> Result<std::unique_ptr<connectors::Sink>> {
      return std::make_unique<tests::MemorySink>(
          broker_, outcomes, tests::MemorySinkSettings{.runs = tests::MemorySinkSettings::Runs::kByThread});
    };
    return plan;
  }

  SystemClock clock_;
  SystemRandom random_;
  tests::RecordingLog log_;
  tests::MemoryTable table_;
  tests::MemoryBroker broker_;
  tests::MemoryStore store_{std::make_shared<tests::MemoryDatabase>(clock_)};
  connectors::Surroundings surroundings_{clock_, random_, log_, "this-instance"};
  std::unique_ptr<MetricsListener> listener_;
};

TEST_F(MetricsListenerTest, AnswersInPrometheusTextFormat) {
  const auto reply = http_get(listener_->address().port, "/metrics");
  EXPECT_EQ(reply.status, 200);
  EXPECT_THAT(reply.head, HasSubstr("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
  EXPECT_THAT(reply.body, HasSubstr("penstock_build_info{version=\"1.2.3\"} 1\n"));
  EXPECT_THAT(reply.body, HasSubstr("penstock_log_dropped_total 7\n"));
  EXPECT_THAT(reply.body, HasSubstr("\nprocess_open_fds "));
}

TEST_F(MetricsListenerTest, HasNothingElse) {
  for (const char* path : {"/", "/metrics/", "/metric", "*"}) {
    const auto reply = http_get(listener_->address().port, path);
    EXPECT_EQ(reply.status, 404) << path;
    EXPECT_EQ(reply.body, "Only /metrics is answered here.\n");
  }
  EXPECT_EQ(http_get(listener_->address().port, "/metrics?name[]=up").status, 200);
}

TEST_F(MetricsListenerTest, ShowsTheRoutesOfASupervisorWhileItIsThere) {
  EXPECT_THAT(scrape(), HasSubstr("penstock_started 0\n"));
  table_.add(tests::counted_event("a", 1));
  std::vector<relay::RoutePlan> plans;
  plans.push_back(plan("one"));
  {
    relay::Supervisor supervisor(store_, surroundings_, std::move(plans));
    supervisor.start();
    listener_->show(&supervisor);
    EXPECT_THAT(scrape(), HasSubstr("penstock_started 1\n"));
    EXPECT_TRUE(tests::eventually([&] {
      const std::string text = scrape();
      return text.find("penstock_route_delivered_events_total{route=\"one\"} 1\n") != std::string::npos &&
             text.find("penstock_route_up{route=\"one\",kind=\"kafka\"} 1\n") != std::string::npos &&
             text.find("penstock_source_up{source=\"table\"} 1\n") != std::string::npos &&
             text.find("penstock_lease_held{route=\"one\"} 1\n") != std::string::npos;
    })) << scrape();
    listener_->show(nullptr);
  }
  EXPECT_THAT(scrape(), HasSubstr("penstock_started 0\n"));
  EXPECT_THAT(scrape(), Not(HasSubstr("route=\"one\"")));
}

// Metric and log agree within a scrape.
TEST_F(MetricsListenerTest, ShowsWhyARouteStandsStill) {
  broker_.refuse_open(Error(codes::kKafkaUnavailable, "no broker"));
  std::vector<relay::RoutePlan> plans;
  plans.push_back(plan("one"));
  relay::Supervisor supervisor(store_, surroundings_, std::move(plans));
  supervisor.start();
  listener_->show(&supervisor);
  EXPECT_TRUE(tests::eventually([&] {
    const std::string text = scrape();
    return text.find("penstock_route_fault{route=\"one\",code=\"kafka.unavailable\"} 1\n") != std::string::npos &&
           text.find("penstock_route_state{route=\"one\",state=\"backing_off\"} 1\n") != std::string::npos;
  })) << scrape();
  broker_.refuse_open(std::nullopt);
  EXPECT_TRUE(tests::eventually([&] { return scrape().find("penstock_route_fault") == std::string::npos; }));
  listener_->show(nullptr);
}

}  // namespace
}  // namespace penstock::api
