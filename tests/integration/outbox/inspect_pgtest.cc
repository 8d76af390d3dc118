// What `penstock validate` finds; each cure it names must work as it stands.
#include <algorithm>

#include "tests/integration/outbox/outbox_fixture.h"

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
  const std::string role = "reader_" + outbox().value("SELECT replace(gen_random_uuid()::text, '-', '')");
  outbox().execute("CREATE ROLE " + role + " LOGIN; GRANT USAGE ON SCHEMA shop TO " + role +
                   "; GRANT SELECT, DELETE ON shop.outbox TO " + role +
                   "; ALTER TABLE shop.outbox ENABLE ROW LEVEL SECURITY");
  const std::string url = outbox().url();
  outbox().settings().url = Secret(url + (url.find('?') == std::string::npos ? "?" : "&") + "user=" + role);
  expect_cured(Finding::Severity::kWarning, "may hide rows");
  outbox().execute("DROP OWNED BY " + role + "; DROP ROLE " + role);
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

TEST_F(OutboxInspect, FindsACachedSequence) {
  tighten();
  outbox().execute("ALTER SEQUENCE shop.outbox_seq_seq CACHE 20");
  expect_cured(Finding::Severity::kWarning, "20 numbers at a time");
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
  const std::string role = "reader_" + outbox().value("SELECT replace(gen_random_uuid()::text, '-', '')");
  outbox().execute("CREATE ROLE " + role + " LOGIN");
  const std::string url = outbox().url();
  outbox().settings().url = Secret(url + (url.find('?') == std::string::npos ? "?" : "&") + "user=" + role);
  expect_cured(Finding::Severity::kError, role);
  outbox().execute("DROP OWNED BY " + role + "; DROP ROLE " + role);
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
