#include "connectors/outbox/outbox_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connectors/outbox/tracked_table.h"

namespace penstock::outbox {
namespace {

using connectors::ColumnOrConstant;
using connectors::Section;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// As config/ hands it over: what the operator wrote, over the declared defaults.
class Written {
 public:
  Written() {
    section_.set_header_place("p.toml:1:1");
    section_.set_default("profile", std::string("debezium"));
    section_.set_default("policy", std::string("delete"));
    section_.set("url", Secret("postgresql://app@db/shop"), "p.toml:2:1");
    section_.set("table", std::string("shop.outbox"), "p.toml:3:1");
    section_.set("order_by", std::string("seq"), "p.toml:4:1");
  }
  Written& with(const std::string& key, Section::Value value) {
    section_.set(key, std::move(value), "p.toml:9:1");
    return *this;
  }
  Written& column(const std::string& role, ColumnOrConstant column) {
    columns_[role] = std::move(column);
    return with("columns", columns_);
  }
  std::vector<std::string> complaints() const {
    std::vector<std::string> messages;
    for (const auto& error : check_settings(section_)) messages.push_back(error.message);
    return messages;
  }
  const Section& section() const { return section_; }
  OutboxSettings read() const { return *read_settings(section_, "orders", 1 << 20); }

 private:
  Section section_;
  std::map<std::string, ColumnOrConstant> columns_;
};

ColumnOrConstant column(std::string name) { return {ColumnOrConstant::Is::kColumn, std::move(name)}; }
ColumnOrConstant constant(std::string text) { return {ColumnOrConstant::Is::kConstant, std::move(text)}; }

TEST(OutboxSettings, TakeTheColumnsOfTheDebeziumProfile) {
  const OutboxSettings settings = Written().read();
  EXPECT_EQ(*settings.column_of(Role::kAggregateId), "aggregateid");
  EXPECT_EQ(*settings.column_of(Role::kPayload), "payload");
  EXPECT_EQ(settings.column_of(Role::kOccurredAt), nullptr);
  EXPECT_EQ(settings.text_payload, TextPayload::kJson);
}

TEST(OutboxSettings, PutOwnColumnsOverTheProfile) {
  const OutboxSettings settings = Written().column("payload", column("body")).column("type", constant("placed")).read();
  EXPECT_EQ(*settings.column_of(Role::kPayload), "body");
  EXPECT_EQ(settings.column_of(Role::kType), nullptr);
  EXPECT_EQ(*settings.constant_of(Role::kType), "placed");
  EXPECT_EQ(*settings.column_of(Role::kId), "id");
}

TEST(OutboxSettings, LookInTheSchemaPublicWithoutAnother) {
  EXPECT_EQ(Written().with("table", std::string("outbox")).read().table.quoted(), R"("public"."outbox")");
}

TEST(OutboxSettings, TakeAFileOfSqlite) {
  const OutboxSettings settings =
      Written().with("url", Secret("sqlite:data/orders.db")).with("table", std::string("outbox")).read();
  EXPECT_EQ(settings.backend, Backend::kSqlite);
  EXPECT_EQ(settings.sqlite_path, "data/orders.db");
}

TEST(OutboxSettings, RefuseAMissingOrderWithTheStatementThatAddsIt) {
  Section section;
  section.set("url", Secret("postgresql://db/shop"), "p.toml:2:1");
  section.set("table", std::string("shop.outbox"), "p.toml:3:1");
  section.set_header_place("p.toml:1:1");
  const auto errors = check_settings(section);
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_EQ(errors[0].place, "p.toml:1:1");
  EXPECT_THAT(errors[0].message,
              HasSubstr(R"(ALTER TABLE "shop"."outbox" ADD COLUMN "seq" bigint GENERATED ALWAYS AS IDENTITY UNIQUE;)"));
}

TEST(OutboxSettings, NeedNoOrderToTrackIds) {
  const Written written = Written().with("policy", std::string("track")).with("order_by", std::string());
  EXPECT_THAT(written.complaints(), IsEmpty());
  const OutboxSettings settings = written.read();
  EXPECT_EQ(to_string(settings.policy), "track");
  EXPECT_EQ(tracked_order(settings), nullptr);
}

TEST(OutboxSettings, RefuseToTrackBesideATableWithTooLongAName) {
  EXPECT_THAT(Written()
                  .with("policy", std::string("track"))
                  .with("table", std::string("shop.") + std::string(60, 'o'))
                  .complaints(),
              ElementsAre(HasSubstr("longer than 63 bytes")));
}

TEST(OutboxSettings, RefuseToTrackAnIdInsideOfAColumn) {
  EXPECT_THAT(Written().with("policy", std::string("track")).with("profile", std::string("factcast")).complaints(),
              ElementsAre(HasSubstr("must be a column")));
}

TEST(OutboxSettings, RefuseAUrlOfAnotherDatabase) {
  EXPECT_THAT(Written().with("url", Secret("mysql://db/shop")).complaints(), ElementsAre(HasSubstr("postgresql://")));
}

TEST(OutboxSettings, NameAnOptionOfAUrlThatNobodyKnows) {
  EXPECT_THAT(Written().with("url", Secret("postgresql://app@db/shop?sslmode=require&foo=bar")).complaints(),
              ElementsAre(HasSubstr("knows no option `foo`")));
  // A password with a bare question mark in it.
  for (const char* url : {"postgresql://app:se?cret=x@db/shop?foo=bar", "postgresql://app:se?cret@db/shop"})
    for (const std::string& complaint : Written().with("url", Secret(url)).complaints())
      EXPECT_THAT(complaint, testing::Not(HasSubstr("cret"))) << url;
}

TEST(OutboxSettings, KeepColumnsOfSettlingAndOrderOutOfTheMetadataUnderEveryPolicy) {
  const OutboxSettings settings =
      Written().with("profile", std::string("eventuate")).with("policy", std::string("delete")).read();
  EXPECT_THAT(settings.ignore, testing::Contains("published"));
  EXPECT_EQ(settings.order_by, "seq");
}

TEST(OutboxSettings, RefuseADatabaseInMemory) {
  const auto complaints =
      Written().with("url", Secret("sqlite::memory:")).with("table", std::string("outbox")).complaints();
  EXPECT_THAT(complaints, ElementsAre(HasSubstr("path")));
}

TEST(OutboxSettings, RefuseASchemaInSqlite) {
  EXPECT_THAT(Written().with("url", Secret("sqlite:o.db")).complaints(), ElementsAre(HasSubstr("write `outbox`")));
}

TEST(OutboxSettings, RefuseToListenToSqlite) {
  const auto complaints = Written()
                              .with("url", Secret("sqlite:o.db"))
                              .with("table", std::string("outbox"))
                              .with("listen", std::string("changed"))
                              .complaints();
  EXPECT_THAT(complaints, ElementsAre(HasSubstr("listen")));
}

TEST(OutboxSettings, NameTheRolesThatACustomProfileLeavesOpen) {
  const auto complaints = Written().with("profile", std::string("custom")).column("id", column("id")).complaints();
  EXPECT_THAT(complaints, ElementsAre(HasSubstr("aggregate_type"), HasSubstr("aggregate_id"), HasSubstr("type"),
                                      HasSubstr("payload")));
}

TEST(OutboxSettings, RefuseARoleThatIsNone) {
  EXPECT_THAT(Written().column("aggregateid", column("a")).complaints(), ElementsAre(HasSubstr("no role")));
}

TEST(OutboxSettings, RefuseAConstantForTheId) {
  EXPECT_THAT(Written().column("id", constant("7")).complaints(), ElementsAre(HasSubstr("must be a column")));
}

TEST(OutboxSettings, RefuseConstantHeadersThatAreNoObject) {
  EXPECT_THAT(Written().column("headers", constant("[1]")).complaints(), ElementsAre(HasSubstr("JSON object")));
}

TEST(OutboxSettings, TakeHeadersOutOfTwoLists) {
  const OutboxSettings settings =
      Written().column("header_names", column("names")).column("header_values", column("vals")).read();
  EXPECT_EQ(*settings.column_of(Role::kHeaderNames), "names");
  EXPECT_EQ(*settings.column_of(Role::kHeaderValues), "vals");
  EXPECT_TRUE(Written()
                  .column("header_names", constant(R"(["trace","tenant"])"))
                  .column("header_values", column("vals"))
                  .complaints()
                  .empty());
}

TEST(OutboxSettings, RefuseListsOfHeadersThatDoNotGoTogether) {
  EXPECT_THAT(Written().column("header_names", column("names")).complaints(),
              ElementsAre(HasSubstr("header_values is missing")));
  EXPECT_THAT(Written().column("header_values", column("vals")).complaints(),
              ElementsAre(HasSubstr("header_names is missing")));
  EXPECT_THAT(Written()
                  .column("header_names", column("names"))
                  .column("header_values", column("vals"))
                  .column("headers", column("headers"))
                  .complaints(),
              ElementsAre(HasSubstr("both are mapped")));
  EXPECT_THAT(Written().column("header_names", constant("trace")).column("header_values", column("vals")).complaints(),
              ElementsAre(HasSubstr("must be a list of texts")));
}

TEST(OutboxSettings, RefuseAPaceThatRunsBackwards) {
  const auto complaints =
      Written().with("poll_min_ms", std::int64_t{300}).with("poll_max_ms", std::int64_t{250}).complaints();
  EXPECT_THAT(complaints, ElementsAre(HasSubstr("poll_max_ms")));
}

TEST(OutboxSettings, SayAllThatIsWrongAtOnce) {
  const auto complaints = Written()
                              .with("table", std::string("a b"))
                              .with("policy", std::string("mark"))
                              .with("ignore", std::vector<std::string>{""})
                              .complaints();
  EXPECT_EQ(complaints.size(), 3U);
}

TEST(OutboxSettings, NeverShowThePassword) {
  for (const auto& message : Written().with("url", Secret("mysql://u:s3cret@db")).complaints())
    EXPECT_EQ(message.find("s3cret"), std::string::npos);
}

}  // namespace
}  // namespace penstock::outbox
