// What `penstock validate` finds; each cure it names must work as it stands.
#include <algorithm>

#include "connectors/outbox/outbox_setup.h"
#include "connectors/outbox/profiles.h"
#include "tests/integration/outbox/outbox_fixture.h"
#include "tests/support/test_role.h"

namespace penstock::tests {
namespace {

using connectors::Finding;

class OutboxInspect : public OutboxTest {
 protected:
  std::vector<Finding> inspect() {
    return outbox::inspect_postgres(outbox().settings(), Deadline::in(std::chrono::seconds(10)));
  }
  std::vector<Finding> troubles() {
    auto findings = inspect();
    std::erase_if(findings, [](const Finding& finding) { return finding.severity == Finding::Severity::kOk; });
    return findings;
  }
  // Finds exactly this, does what it says, and finds nothing any more.
  void expect_cured(Finding::Severity severity, std::string_view words) {
    const auto found = troubles();
    ASSERT_EQ(found.size(), 1U) << (found.empty() ? "" : found.back().message);
    EXPECT_EQ(found[0].severity, severity);
    EXPECT_NE(found[0].message.find(words), std::string::npos) << found[0].message;
    outbox().execute(found[0].fix);
    EXPECT_TRUE(troubles().empty()) << troubles()[0].message;
  }
  // Debezium's table, as strict as it should be.
  void tighten() {
    for (const char* column : {"id", "aggregatetype", "aggregateid", "type"})
      outbox().execute("ALTER TABLE shop.outbox ALTER " + std::string(column) + " SET NOT NULL");
  }
};

TEST_F(OutboxInspect, FindsNothingWrongWithAGoodTable) {
  tighten();
  const auto findings = inspect();
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].severity, Finding::Severity::kOk);
  EXPECT_TRUE(findings[0].fix.empty());
}

TEST_F(OutboxInspect, FindsWhatMayUndoASettlement) {
  tighten();
  outbox().execute(
      "CREATE FUNCTION shop.keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
      "CREATE TRIGGER soft BEFORE DELETE ON shop.outbox FOR EACH ROW EXECUTE FUNCTION shop.keep();"
      "CREATE TRIGGER after_it AFTER DELETE ON shop.outbox FOR EACH ROW EXECUTE FUNCTION shop.keep();"
      "CREATE RULE nothing AS ON DELETE TO shop.outbox DO INSTEAD NOTHING");
  const auto found = troubles();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].severity, Finding::Severity::kWarning);
  EXPECT_TRUE(found[0].message.starts_with("nothing, soft may keep a row")) << found[0].message;
}

TEST_F(OutboxInspect, FindsRowLevelSecurityThatMayHideRows) {
  tighten();
  const TestRole role(outbox().url());
  role.grant("USAGE ON SCHEMA shop");
  role.grant("SELECT, DELETE ON shop.outbox");
  outbox().execute("ALTER TABLE shop.outbox ENABLE ROW LEVEL SECURITY");
  outbox().settings().url = role.url();
  expect_cured(Finding::Severity::kError, "may hide rows");
}

// A right that was revoked looks the same in the server's words whichever it was.
TEST_F(OutboxInspect, NamesTheRightThatIsMissing) {
  struct Case {
    outbox::Policy policy;
    std::string revoked, missing;
  };
  const Case cases[] = {
      {outbox::DeleteRows{}, "DELETE ON shop.outbox", "DELETE on table shop.outbox"},
      {outbox::DeleteRows{}, "SELECT ON shop.outbox", "SELECT on table shop.outbox"},
      {outbox::DeleteRows{}, "USAGE ON SCHEMA shop", "USAGE on schema shop"},
      {outbox::MarkRows{"type", "x"}, "UPDATE (type) ON shop.outbox", "UPDATE on column `type`"},
      {outbox::KeepRows{}, "SELECT ON shop.outbox", "SELECT on table shop.outbox"},
      {outbox::KeepRows{}, "SELECT ON SEQUENCE shop.outbox_seq_seq", "SELECT on sequence shop.outbox_seq_seq"},
  };
  tighten();
  const TestRole role(outbox().url());
  outbox().settings().url = role.url();
  for (const Case& one : cases) {
    role.grant("USAGE ON SCHEMA shop");
    role.grant("SELECT, DELETE, UPDATE (type) ON shop.outbox");
    role.grant("SELECT ON SEQUENCE shop.outbox_seq_seq");
    outbox().execute("REVOKE " + std::string(one.revoked) + " FROM " + role.name());
    outbox().settings().policy = one.policy;
    const std::string lacks = "role " + role.name() + " lacks " + one.missing + ", which policy ";
    const auto found = troubles();
    ASSERT_FALSE(found.empty()) << one.missing;
    EXPECT_TRUE(found[0].message.starts_with(lacks)) << found[0].message;
    const Status opened = try_open();
    EXPECT_EQ(code_of(opened), "outbox.unauthorized") << one.missing;
    EXPECT_NE(opened.error().message().find(lacks), std::string::npos) << opened.error().message();
    outbox().execute(found[0].fix);
    const auto left = troubles();
    EXPECT_TRUE(std::ranges::none_of(left, [](const Finding& one_left) {
      return one_left.message.find(" lacks ") != std::string::npos;
    })) << one.missing;
  }
}

TEST_F(OutboxInspect, NamesAColumnThatMayNotBeRead) {
  tighten();
  const TestRole role(outbox().url());
  role.grant("USAGE ON SCHEMA shop");
  role.grant("SELECT (id, aggregatetype, aggregateid, type), DELETE ON shop.outbox");
  outbox().settings().url = role.url();
  expect_cured(Finding::Severity::kError, "lacks SELECT on column `payload`, SELECT on column `seq`, which policy");
}

TEST_F(OutboxInspect, NamesARoleThatTheServerDoesNotAdmit) {
  tighten();
  const std::string role = "reader_" + outbox().value("SELECT replace(gen_random_uuid()::text, '-', '')");
  const std::string url = outbox().url();
  outbox().settings().url = Secret(url + (url.find('?') == std::string::npos ? "?" : "&") + "user=" + role);
  auto found = troubles();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].fix, "CREATE ROLE \"" + role + "\" LOGIN; or correct the user in `url`") << found[0].message;
  outbox().execute("CREATE ROLE " + role + " NOLOGIN");
  found = troubles();
  ASSERT_EQ(found.size(), 1U);
  outbox().execute(found[0].fix);
  EXPECT_NE(troubles().at(0).message.find("lacks"), std::string::npos) << "it is admitted";
  outbox().execute("DROP ROLE " + role);
}

// Debezium's own table has no number; what `penstock outbox init` prints for it mends one that is there.
TEST_F(OutboxInspect, IsContentWithWhatInitSaysOfATableThatIsThere) {
  tighten();
  outbox().execute("ALTER TABLE shop.outbox DROP COLUMN seq");
  const auto setup = outbox::make_setup(*outbox::find_profile("debezium"), {"shop.outbox", "postgres", "", "writers"});
  ASSERT_TRUE(setup);
  ASSERT_FALSE(setup->existing.empty());
  outbox().execute(setup->existing);
  EXPECT_TRUE(troubles().empty()) << troubles()[0].message;
  EXPECT_TRUE(outbox::make_setup(*outbox::find_profile("goharvest"), {})->existing.empty()) << "it has a number";
}

TEST_F(OutboxInspect, FindsAMissingTable) {
  outbox().execute("DROP TABLE shop.outbox");
  expect_cured(Finding::Severity::kError, "no such table");
}

TEST_F(OutboxInspect, FindsAMissingSchema) {
  outbox().execute("DROP SCHEMA shop CASCADE");
  expect_cured(Finding::Severity::kError, "no such table");
}

TEST_F(OutboxInspect, FindsAMissingOrderByTheNameThatIsConfigured) {
  tighten();
  outbox().settings().order_by = "counter";
  expect_cured(Finding::Severity::kError, "`counter`");
}

TEST_F(OutboxInspect, NamesAFreeColumnWhereTheOrderHasAWrongType) {
  tighten();
  outbox().execute("ALTER TABLE shop.outbox ADD n text");
  outbox().settings().order_by = "n";
  const auto found = troubles();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_NE(found[0].message.find("set order_by = \"outbox_seq\""), std::string::npos) << found[0].message;
  outbox().execute(found[0].fix);
  outbox().settings().order_by = "outbox_seq";
  EXPECT_TRUE(troubles().empty());
}

TEST_F(OutboxInspect, NamesTheCommandThatMakesAMissingDatabase) {
  std::string url = outbox().url();
  url.resize(url.rfind('/'));
  outbox().settings().url = Secret(url + "/penstock_nowhere");
  const auto found = inspect();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_NE(found[0].message.find("outbox.database_missing"), std::string::npos) << found[0].message;
  EXPECT_TRUE(found[0].fix.starts_with("createdb ") && found[0].fix.ends_with(" penstock_nowhere")) << found[0].fix;
}

TEST_F(OutboxInspect, FindsAMissingColumn) {
  tighten();
  outbox().execute("ALTER TABLE shop.outbox DROP payload");
  expect_cured(Finding::Severity::kError, "`payload`");
}

TEST_F(OutboxInspect, FindsAMissingOrder) {
  tighten();
  outbox().execute("ALTER TABLE shop.outbox DROP seq");
  expect_cured(Finding::Severity::kError, "`seq`");
}

TEST_F(OutboxInspect, FindsAnOrderThatIsNotUnique) {
  tighten();
  outbox().execute("ALTER TABLE shop.outbox DROP CONSTRAINT outbox_pkey");
  expect_cured(Finding::Severity::kError, "not unique and has no index");
}

TEST_F(OutboxInspect, FindsAnOrderThatMayBeNull) {
  tighten();
  outbox().execute("ALTER TABLE shop.outbox ADD n bigint UNIQUE");
  outbox().settings().order_by = "n";
  expect_cured(Finding::Severity::kError, "may be NULL");
}

TEST_F(OutboxInspect, FindsATableThatACrashEmpties) {
  tighten();
  outbox().execute("ALTER TABLE shop.outbox SET UNLOGGED");
  expect_cured(Finding::Severity::kWarning, "UNLOGGED");
}

TEST_F(OutboxInspect, FindsACachedSequence) {
  tighten();
  outbox().execute("ALTER SEQUENCE shop.outbox_seq_seq CACHE 20");
  expect_cured(Finding::Severity::kWarning, "20 numbers at a time");
}

TEST_F(OutboxInspect, FindsThatACursorWouldPassNumbers) {
  tighten();
  outbox().settings().policy = outbox::KeepRows{};
  outbox().execute("ALTER SEQUENCE shop.outbox_seq_seq CACHE 20");
  expect_cured(Finding::Severity::kError, "passes those that a session uses late");
  outbox().execute("ALTER TABLE shop.outbox ALTER seq DROP IDENTITY");
  const auto found = troubles();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_NE(found[0].message.find("of no sequence"), std::string::npos) << found[0].message;
}

TEST_F(OutboxInspect, FindsACachedSequenceOfADefault) {
  outbox().execute(
      "CREATE SEQUENCE shop.numbers CACHE 20; ALTER TABLE shop.outbox ALTER seq DROP IDENTITY,"
      " ALTER seq SET DEFAULT nextval('shop.numbers')");
  tighten();
  expect_cured(Finding::Severity::kWarning, "shop.numbers");
}

TEST_F(OutboxInspect, FindsAMissingGrant) {
  tighten();
  const TestRole role(outbox().url());
  outbox().settings().url = role.url();
  expect_cured(Finding::Severity::kError, role.name());
}

TEST_F(OutboxInspect, WarnsOfAKeyThatMayBeNull) {
  tighten();
  outbox().execute("ALTER TABLE shop.outbox ALTER aggregateid DROP NOT NULL");
  expect_cured(Finding::Severity::kWarning, "`aggregateid`");
}

TEST_F(OutboxInspect, DoesNotSayThatAllIsWellBesideAnError) {
  outbox().execute("ALTER TABLE shop.outbox DROP payload");
  for (const Finding& finding : inspect()) EXPECT_NE(finding.severity, Finding::Severity::kOk) << finding.message;
}

TEST_F(OutboxInspect, FindsATypeThatDoesNotFit) {
  tighten();
  outbox().execute("ALTER TABLE shop.outbox ADD at boolean");
  outbox().settings().columns[outbox::Role::kOccurredAt] = {ColumnOrConstant::Is::kColumn, "at"};
  const auto found = troubles();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_NE(found[0].message.find("holds no times"), std::string::npos);
  EXPECT_EQ(found[0].fix, "Map occurred_at to a column of type timestamptz in [source.columns].");
}

TEST_F(OutboxInspect, FindsAColumnThatHoldsNoJsonToLookInto) {
  tighten();
  outbox().execute("ALTER TABLE shop.outbox ADD facts bytea NOT NULL");
  outbox().settings().columns[outbox::Role::kType] = {ColumnOrConstant::Is::kPointer, "facts", "/type"};
  const auto found = troubles();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_NE(found[0].message.find("can't hold JSON"), std::string::npos) << found[0].message;
  EXPECT_EQ(found[0].fix, "Map type to a column of type jsonb in [source.columns].");
}

TEST_F(OutboxInspect, SaysThatADatabaseIsAwayWithoutItsPassword) {
  outbox().settings().url = Secret("postgresql://app:s3cret@127.0.0.1:1/none");
  const auto found = troubles();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].severity, Finding::Severity::kError);
  EXPECT_EQ((found[0].message + found[0].fix).find("s3cret"), std::string::npos);
}

}  // namespace
}  // namespace penstock::tests
