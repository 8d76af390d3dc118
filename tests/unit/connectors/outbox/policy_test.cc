#include "connectors/outbox/policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace penstock::outbox {
namespace {

using connectors::ColumnOrConstant;
using connectors::Section;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class Written {
 public:
  explicit Written(std::string policy) {
    section_.set("policy", std::move(policy), "p.toml:3:1");
    section_.set("order_by", std::string("seq"), "p.toml:4:1");
  }
  Written& with(const std::string& key, Section::Value value) {
    section_.set(key, std::move(value), "p.toml:9:1");
    return *this;
  }
  std::vector<std::string> complaints(Backend backend = Backend::kPostgres) const {
    std::vector<connectors::SectionError> errors;
    check_policy(section_, *find_profile("debezium"), backend, errors);
    std::vector<std::string> messages;
    for (const auto& error : errors) messages.push_back(error.message);
    return messages;
  }
  Policy read(Backend backend = Backend::kPostgres) const {
    return read_policy(section_, *find_profile("debezium"), backend);
  }

 private:
  Section section_;
};

using Members = std::map<std::string, std::string>;

TEST(Policy, DeletesWhereNothingElseIsSaid) { EXPECT_EQ(to_string(Written("delete").read()), "delete"); }

TEST(Policy, MarksWithAValueOrWithTheTime) {
  const Policy value = Written("mark").with("mark", Members{{"column", "published"}, {"value", "1"}}).read();
  EXPECT_EQ(std::get<MarkRows>(value).value, "1");
  const Policy time = Written("mark").with("mark", Members{{"column", "sent_at"}}).read();
  EXPECT_EQ(std::get<MarkRows>(time).value, std::nullopt);
  EXPECT_EQ(*settled_column(time), "sent_at");
}

TEST(Policy, NeedsTheColumnOfAMark) {
  EXPECT_THAT(Written("mark").complaints(), ElementsAre(HasSubstr("needs the column")));
  EXPECT_THAT(Written("mark").with("mark", Members{{"colum", "x"}}).complaints(),
              ElementsAre(HasSubstr("no member of mark"), HasSubstr("needs the column")));
  EXPECT_THAT(Written("mark").with("mark", Members{{"column", ""}}).complaints(),
              ElementsAre(HasSubstr("no column name")));
}

TEST(Policy, RefusesAMarkThatIsPartOfTheEvent) {
  EXPECT_THAT(Written("mark").with("mark", Members{{"column", "seq"}}).complaints(), ElementsAre(HasSubstr("ordered")));
  const std::map<std::string, ColumnOrConstant> columns = {{"headers", {ColumnOrConstant::Is::kColumn, "state"}}};
  EXPECT_THAT(Written("mark").with("mark", Members{{"column", "state"}}).with("columns", columns).complaints(),
              ElementsAre(HasSubstr("can be nothing of an event")));
}

TEST(Policy, RefusesKeysOfAnotherPolicy) {
  EXPECT_THAT(Written("delete").with("mark", Members{{"column", "x"}}).complaints(),
              ElementsAre(HasSubstr("policy = \"mark\"")));
  EXPECT_THAT(Written("delete").with("guard", std::string("xid")).complaints(),
              ElementsAre(HasSubstr("policy = \"cursor\"")));
  EXPECT_THAT(Written("delete").complaints(), IsEmpty());
}

TEST(Policy, KeepsRowsBehindAGuard) {
  EXPECT_EQ(std::get<KeepRows>(Written("cursor").read()).guard, KeepRows::Guard::kWriters);
  const Policy xid = Written("cursor").with("guard", std::string("xid")).with("xid_column", std::string("tx")).read();
  EXPECT_EQ(*xid_column(xid), "tx");
  EXPECT_EQ(xid_column(Written("cursor").read()), nullptr);
}

TEST(Policy, NeedsTheColumnOfTheGuard) {
  EXPECT_THAT(Written("cursor").with("guard", std::string("xid")).complaints(),
              ElementsAre(HasSubstr("xid8 NOT NULL DEFAULT pg_current_xact_id()")));
  EXPECT_THAT(Written("cursor").with("xid_column", std::string("tx")).complaints(),
              ElementsAre(HasSubstr("belongs to guard")));
}

TEST(Policy, NeedsNoGuardInSqlite) {
  EXPECT_THAT(Written("cursor").with("guard", std::string("writers")).complaints(Backend::kSqlite),
              ElementsAre(HasSubstr("one writer at a time")));
  EXPECT_EQ(std::get<KeepRows>(Written("cursor").read(Backend::kSqlite)).guard, KeepRows::Guard::kOneWriter);
}

}  // namespace
}  // namespace penstock::outbox
