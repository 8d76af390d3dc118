// penstock store drop as a user calls it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/integration/cli/program.h"

namespace penstock::tests {
namespace {

using nlohmann::json;
using testing::HasSubstr;

class StoreDrop : public testing::Test {
 protected:
  StoreDrop() {
    folder_.write("penstock.toml", "[store]\nurl = \"sqlite:events.db\"\n");
    for (int i = 0; i < 5; ++i) call({"append", "order-1", "--type", "placed"}, "{}");
  }

  Ended call(const std::vector<std::string>& arguments, std::string_view input = {}) const {
    return folder_.call(arguments, input);
  }
  json told(std::vector<std::string> arguments) const {
    arguments.insert(arguments.end(), {"-o", "json"});
    const Ended ended = call(arguments);
    EXPECT_TRUE(json::accept(ended.out)) << ended.out << ended.err;
    return json::parse(ended.out, nullptr, false);
  }
  void make_checkpoint(std::int64_t position) const {
    const auto store = folder_.open_store("events.db");
    const auto lease = store->leases().take("route/out", "test-1");
    ASSERT_TRUE(lease && store->checkpoints().create(*lease, "out", Position{position}));
    ASSERT_TRUE(store->leases().release(*lease));
  }

  ProgramFolder folder_;
};

TEST_F(StoreDrop, TakesTheBeginningAwayAndSaysWhereTheLogBegins) {
  const Ended dropped = call({"store", "drop", "--before", "4"});
  EXPECT_EQ(dropped.exit_code, 0) << dropped.err;
  EXPECT_EQ(dropped.out, "3 events dropped; the log begins at position 4\n");
  EXPECT_EQ(told({"status"}).at("store").at("floor"), "3");
  const Ended all = call({"read", "@all", "-o", "jsonl"});
  EXPECT_EQ(all.exit_code, 0);
  EXPECT_THAT(all.out, HasSubstr("\"position\":\"4\""));
  EXPECT_THAT(all.err, HasSubstr("the log begins at position 4"));
  const Ended below = call({"read", "@all", "--from", "2"});
  EXPECT_EQ(below.exit_code, 65);
  EXPECT_THAT(below.err, HasSubstr("store.removed"));
  EXPECT_EQ(call({"read", "@all", "--backward", "--from", "3"}).exit_code, 65);
  EXPECT_EQ(call({"read", "@all", "--backward", "--from", "4"}).exit_code, 0);
  EXPECT_EQ(told({"streams", "show", "order-1"}).at("first_readable"), 3);
  EXPECT_EQ(call({"store", "check"}).exit_code, 0);
}

TEST_F(StoreDrop, PlansWithoutTouchingAnything) {
  make_checkpoint(2);
  const json plan = told({"store", "drop", "--before", "5", "--plan"});
  EXPECT_EQ(plan.at("first"), "1");
  EXPECT_EQ(plan.at("last"), "4");
  EXPECT_EQ(plan.at("routes_behind"), json::parse(R"([{"route":"out","checkpoint":"2","passed":false}])"));
  EXPECT_EQ(call({"store", "drop", "--before", "5", "--plan"}).exit_code, 1);
  EXPECT_EQ(call({"store", "drop", "--before", "3", "--plan"}).exit_code, 0);
  EXPECT_EQ(told({"status"}).at("store").at("floor"), "0");
}

TEST_F(StoreDrop, NamesTheRouteThatIsInTheWay) {
  make_checkpoint(2);
  const Ended refused = call({"store", "drop", "--before", "5"});
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_THAT(refused.err, HasSubstr("route out has its checkpoint at position 2"));
  const Ended passed = call({"store", "drop", "--before", "5", "--past", "out"});
  EXPECT_EQ(passed.exit_code, 0) << passed.err;
  EXPECT_THAT(passed.out, HasSubstr("penstock gaps ack 1"));
  EXPECT_EQ(told({"gaps", "show", "1"}).at("event_ids").size(), 2u);
}

TEST_F(StoreDrop, DropsByAge) {
  EXPECT_EQ(told({"store", "drop", "--older-than", "1d"}).at("events"), 0);
  EXPECT_EQ(told({"status"}).at("store").at("floor"), "0");
  EXPECT_EQ(call({"store", "drop", "--older-than", "soon"}).exit_code, 64);
}

TEST_F(StoreDrop, TellsWrongCalls) {
  EXPECT_EQ(call({"store", "drop"}).exit_code, 64);
  EXPECT_EQ(call({"store", "drop", "--before", "0"}).exit_code, 64);
  EXPECT_EQ(call({"store", "drop", "--before", "2", "--older-than", "1d"}).exit_code, 64);
  EXPECT_EQ(call({"store", "drop", "--before", "7"}).exit_code, 65);
  EXPECT_EQ(call({"store", "drop", "--before", "7", "--plan"}).exit_code, 65);
}

}  // namespace
}  // namespace penstock::tests
