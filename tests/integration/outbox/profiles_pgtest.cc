// Every profile: its table as `penstock outbox init` prints it, read under exactly the grants it prints.
#include <gmock/gmock.h>

#include <optional>

#include "connectors/outbox/outbox_setup.h"
#include "tests/integration/outbox/outbox_fixture.h"
#include "tests/support/test_role.h"

namespace penstock::tests {
namespace {

using outbox::Profile;
using testing::HasSubstr;

// One row as its own producers write it, and the event that it is.
struct Example {
  std::string_view profile, row;  // @table@ stands for the table
  std::string_view stream, category, type, data, content_type;
  std::string_view metadata = "{}";  // a part of it
};

constexpr Example kExamples[] = {
    {"debezium",
     "INSERT INTO @table@ (aggregatetype, aggregateid, type, payload) VALUES ('order', '7', 'placed', '{\"n\": 1.10}')",
     "order-7", "order", "placed", R"({"n": 1.10})", "application/json"},
    {"eventuate",
     "INSERT INTO @table@ (id, destination, headers, payload, creation_time) VALUES ('0001-02', 'Order',"
     " '{\"ID\":\"0001-02\",\"PARTITION_ID\":\"7\",\"event-type\":\"OrderCreated\"}', '{\"n\":1}', 1700000000000)",
     "Order-7", "Order", "OrderCreated", R"({"n":1})", "application/json", R"("source_id":"0001-02")"},
    {"event-store-rs",
     "INSERT INTO @table@ VALUES (gen_random_uuid(), '{\"event_namespace\": \"accounts\", \"event_type\": \"Opened\"}',"
     " '{\"action\": null, \"time\": \"2024-05-01T10:00:00Z\", \"subject\": null}')",
     "accounts", "accounts", "Opened", R"({"event_type": "Opened", "event_namespace": "accounts"})", "application/json",
     R"("context":{)"},
    {"factcast",
     "INSERT INTO @table@ (header, payload) VALUES ('{\"id\": \"3ea1a7c0-8a5b-4a5e-9c0e-111111111111\", \"ns\": "
     "\"users\","
     " \"type\": \"UserCreated\", \"aggIds\": [\"1f1b2c3d-0000-4000-8000-000000000007\"], \"version\": 1}', '{\"n\": "
     "1}')",
     "users-1f1b2c3d-0000-4000-8000-000000000007", "users", "UserCreated", R"({"n": 1})", "application/json",
     R"("header":{)"},
    {"goharvest",
     "INSERT INTO @table@ (create_time, kafka_topic, kafka_key, kafka_value, kafka_header_keys, kafka_header_values)"
     " VALUES (now(), 'orders', '7', 'hello', '{trace,\"a b\"}', '{t1,\"x,\\\"y\\\"\"}')",
     "orders-7", "orders", "message", "hello", "text/plain; charset=utf-8", R"(,"trace":"t1","a b":"x,\"y\""})"},
    {"cap",
     "INSERT INTO @table@ VALUES (1, 'v1', 'order.placed', "
     "'{\"Headers\":{\"cap-msg-id\":\"1\",\"cap-kafka-key\":\"7\"},"
     "\"Value\":{\"n\":1.10}}', 0, now(), NULL, 'Scheduled')",
     "order.placed-7", "order.placed", "order.placed", R"({"n":1.10})", "application/json", R"("cap-msg-id":"1")"},
    {"open-outbox",
     "INSERT INTO @table@ (event_id, event_type, partition_key, payload, headers) VALUES (gen_random_uuid(),"
     " 'order.placed', '7', 'raw', '{\"trace\": \"t\"}')",
     "order.placed-7", "order.placed", "order.placed", "raw", "application/octet-stream", R"("trace": "t")"},
    {"modulith",
     "INSERT INTO @table@ VALUES (gen_random_uuid(), 'shop.Mailer', 'shop.OrderPlaced', '{\"n\":1}', now(), NULL)",
     "shop.OrderPlaced", "shop.OrderPlaced", "shop.OrderPlaced", R"({"n":1})", "application/json",
     R"("listener_id":"shop.Mailer")"},
};

class OutboxProfile : public OutboxTest, public testing::WithParamInterface<Example> {
 protected:
  void SetUp() override {
    OutboxTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    role_.emplace(outbox().url());
  }

  // Creates what is printed and takes the settings that are printed with it.
  void set_up(const std::string& policy = {}, const std::string& guard = "writers") {
    const Profile& profile = *outbox::find_profile(GetParam().profile);
    const auto setup = outbox::make_setup(profile, {"shop.table_of_x", role_->name(), policy, guard});
    ASSERT_TRUE(setup) << setup.error().message();
    outbox().execute(setup->table);
    if (!setup->order.empty()) outbox().execute(setup->order);
    outbox().execute(setup->grants);

    Section section;
    section.set("url", role_->url(), "t:1:1");
    section.set("table", std::string("shop.table_of_x"), "t:2:1");
    section.set("profile", std::string(profile.name), "t:3:1");
    if (setup->settings.find("order_by") != std::string::npos) section.set("order_by", std::string("seq"), "t:4:1");
    if (!policy.empty()) section.set("policy", policy, "t:5:1");
    if (guard == "xid") {
      section.set("guard", guard, "t:6:1");
      section.set("xid_column", std::string("xid"), "t:7:1");
    }
    auto settings = outbox::read_settings(section, "orders", 1 << 20);
    ASSERT_TRUE(settings) << settings.error().message();
    outbox().settings() = *std::move(settings);
  }
  void insert() {
    std::string row(GetParam().row);
    row.replace(row.find("@table@"), 7, "shop.table_of_x");
    outbox().execute(row);
  }
  void expect_the_event(const connectors::ReadItem& item) {
    ASSERT_EQ(item.malformed, nullptr) << item.malformed->reason;
    EXPECT_EQ(item.event->stream, GetParam().stream);
    EXPECT_EQ(item.event->category, GetParam().category);
    EXPECT_EQ(item.event->type, GetParam().type);
    EXPECT_EQ(item.event->data, GetParam().data);
    EXPECT_EQ(item.event->content_type, GetParam().content_type);
    if (GetParam().metadata != "{}") {
      EXPECT_THAT(std::string(item.event->metadata), HasSubstr(std::string(GetParam().metadata)));
    }
  }
  // Read and settled once, and never again.
  void expect_one_event() {
    insert();
    {
      const auto source = open();
      const auto items = read_until(*source, 1);
      ASSERT_EQ(items.size(), 1U);
      expect_the_event(items[0]);
      ASSERT_TRUE(source->settle(ReadMark{1}));
    }
    EXPECT_EQ(read(*open()).size(), 0U);
  }

  const std::string& role() const { return role_->name(); }

 private:
  std::optional<TestRole> role_;
};

TEST_P(OutboxProfile, IsReadAndSettledUnderThePrintedGrants) {
  ASSERT_NO_FATAL_FAILURE(set_up());
  expect_one_event();
}

TEST_P(OutboxProfile, IsReadByACursorUnderEitherGuard) {
  for (const std::string guard : {"writers", "xid"}) {
    if (GetParam().profile == "cap" && guard == "writers") {
      const auto setup = outbox::make_setup(*outbox::find_profile("cap"), {"shop.table_of_x", "r", "cursor", guard});
      EXPECT_FALSE(setup) << "its services make the numbers, each its own";
      continue;
    }
    ASSERT_NO_FATAL_FAILURE(set_up("cursor", guard));
    expect_one_event();
    outbox().execute("DROP TABLE shop.table_of_x");
    outbox().checkpoints() = MemorySourceCheckpoints();
  }
}

TEST_P(OutboxProfile, IsTrackedUnderThePrintedGrants) {
  outbox::OutboxSettings settings;
  settings.columns = outbox::columns_of(*outbox::find_profile(GetParam().profile));
  if (settings.pointed(outbox::Role::kId) != nullptr) GTEST_SKIP() << "its id is no column";
  ASSERT_NO_FATAL_FAILURE(set_up("track"));
  expect_one_event();
  for (const auto& finding : outbox::inspect_postgres(outbox().settings(), Deadline::in(std::chrono::seconds(10))))
    EXPECT_NE(finding.severity, connectors::Finding::Severity::kError) << finding.message << " " << finding.fix;
}

TEST_P(OutboxProfile, LeavesNothingForValidateToComplainOf) {
  ASSERT_NO_FATAL_FAILURE(set_up());
  for (const auto& finding : outbox::inspect_postgres(outbox().settings(), Deadline::in(std::chrono::seconds(10))))
    EXPECT_EQ(finding.severity, connectors::Finding::Severity::kOk) << finding.message << " " << finding.fix;
}

// Where its own program calls the table, which may be a schema that nobody has made.
TEST_P(OutboxProfile, IsSetUpInAnEmptyDatabaseUnderEveryPolicy) {
  const Profile& profile = *outbox::find_profile(GetParam().profile);
  int set_up = 0;
  for (const char* policy : {"delete", "mark", "cursor", "track"}) {
    for (const char* guard : {"writers", "xid"}) {
      const auto setup = outbox::make_setup(profile, {"", role(), policy, guard});
      if (!setup) continue;  // it says why
      const FreshDatabase empty;
      for (const std::string& statements : {setup->table, setup->order, setup->grants})
        if (!statements.empty()) {
          EXPECT_NO_THROW(empty.execute(statements)) << policy << ": " << statements;
        }
      ++set_up;
    }
  }
  EXPECT_GE(set_up, 3);
}

INSTANTIATE_TEST_SUITE_P(All, OutboxProfile, testing::ValuesIn(kExamples), [](const auto& example) {
  std::string name(example.param.profile);
  std::erase(name, '-');
  return name;
});

TEST(OutboxProfiles, HaveAnExampleEach) {
  for (const Profile* profile : outbox::profiles())
    EXPECT_TRUE(profile->ddl.empty() || std::ranges::count(kExamples, profile->name, &Example::profile) == 1)
        << profile->name;
}

}  // namespace
}  // namespace penstock::tests
