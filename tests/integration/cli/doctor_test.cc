// penstock doctor over a store that a test has filled: what waits for an operator.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/cli/program.h"

namespace penstock::tests {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kConfiguration = R"([store]
url = "sqlite:events.db"
[[source]]
name = "orders"
kind = "outbox"
url = "sqlite:shop.db"
table = "outbox"
order_by = "seq"
profile = "debezium"
[[sink]]
name = "out"
kind = "console"
[[route]]
name = "orders-in"
from = "orders"
to = "store"
[[route]]
name = "printing"
from = "store"
to = "out"
)";

class Doctor : public testing::Test {
 protected:
  Doctor() {
    folder_.write("penstock.toml", kConfiguration);
    store_ = folder_.open_store("events.db");
    EXPECT_TRUE(store_->migrate());
  }
  void record(store::GapRecord::Of of, std::string whose) {
    store::GapRecord gap;
    gap.of = of;
    gap.route = std::move(whose);
    gap.reason = of == store::GapRecord::Of::kSource ? "wal.slot_lost" : "relay.lost_tail";
    gap.from = Position{10};
    gap.to = Position{20};
    EXPECT_TRUE(store_->gaps().record(gap));
  }
  void report(std::string route, std::string phase, std::string code) {
    EXPECT_TRUE(store_->route_states().report({{.route = std::move(route),
                                                .instance = "test-1",
                                                .phase = std::move(phase),
                                                .code = std::move(code),
                                                .message = "the reason"}}));
  }
  std::string doctor(const std::string& source = "") {
    return folder_
        .call(source.empty() ? std::vector<std::string>{"doctor"}
                             : std::vector<std::string>{"doctor", "--source", source})
        .out;
  }

  ProgramFolder folder_;
  std::unique_ptr<store::Store> store_;
};

TEST_F(Doctor, NamesGapsThatNobodyHasAcknowledged) {
  record(store::GapRecord::Of::kSource, "orders");
  EXPECT_THAT(doctor(), AllOf(HasSubstr("gap 1 of source orders"), HasSubstr("gaps ack 1")));
  EXPECT_TRUE(store_->gaps().acknowledge(1, "anna"));
  EXPECT_THAT(doctor(), Not(HasSubstr("gap 1")));
}

TEST_F(Doctor, SaysWhyARouteStandsStill) {
  report("orders-in", "backing_off", "wal.publication_missing");
  EXPECT_THAT(doctor(),
              AllOf(HasSubstr("route orders-in (backing_off)"), HasSubstr("the reason [wal.publication_missing]")));
  report("orders-in", "running", "");
  EXPECT_THAT(doctor(), Not(HasSubstr("route orders-in")));
}

TEST_F(Doctor, SaysOfOneSourceWhatItAndItsRouteWaitFor) {
  record(store::GapRecord::Of::kSource, "orders");
  record(store::GapRecord::Of::kRoute, "orders-in");
  record(store::GapRecord::Of::kRoute, "printing");
  report("printing", "failed", "kafka.message_too_large");
  EXPECT_THAT(doctor("orders"), AllOf(HasSubstr("gap 1 of source orders"), HasSubstr("gap 2 of route orders-in"),
                                      Not(HasSubstr("gap 3")), Not(HasSubstr("printing"))));
}

TEST_F(Doctor, EndsWithAFaultWhileAGapIsOpen) {
  folder_.write("sinks.toml",
                "[store]\nurl = \"sqlite:events.db\"\n[[sink]]\nname = \"out\"\nkind = \"console\"\n"
                "[[route]]\nname = \"printing\"\nfrom = \"store\"\nto = \"out\"\n");
  EXPECT_EQ(folder_.call({"doctor", "-c", "sinks.toml"}).exit_code, 0);
  record(store::GapRecord::Of::kRoute, "printing");
  EXPECT_EQ(folder_.call({"doctor", "-c", "sinks.toml"}).exit_code, 1);
}

}  // namespace
}  // namespace penstock::tests
