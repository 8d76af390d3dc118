// What `penstock validate` finds in a SQLite file; each cure it names must work as it stands.
#include <gmock/gmock.h>
#include <sqlite3.h>
#include <unistd.h>

#include <filesystem>
#include <stdexcept>

#include "connectors/outbox/outbox_table.h"
#include "connectors/outbox/profiles.h"
#include "tests/support/temporary_folder.h"

namespace penstock::outbox {
namespace {

using connectors::Finding;
using testing::HasSubstr;

class SqliteInspect : public testing::Test {
 protected:
  SqliteInspect() {
    settings_.source_name = "orders";
    settings_.backend = Backend::kSqlite;
    settings_.sqlite_path = folder_.file("orders.db");
    settings_.table = {"", "outbox"};
    settings_.order_by = "seq";
    settings_.columns = columns_of(*find_profile("debezium"));
  }

  // The first column of the first row, if there is one.
  std::string run(const std::string& sql) {
    sqlite3* database = nullptr;
    std::string first;
    const auto take = [](void* out, int, char** values, char**) {
      *static_cast<std::string*>(out) = values[0] == nullptr ? "" : values[0];
      return 0;
    };
    sqlite3_open(settings_.sqlite_path.c_str(), &database);
    const bool done = sqlite3_exec(database, sql.c_str(), take, &first, nullptr) == SQLITE_OK;
    const std::string words = sqlite3_errmsg(database);
    sqlite3_close(database);
    if (!done) throw std::runtime_error(words + ": " + sql);
    return first;
  }
  void create(const std::string& order_column) {
    run("CREATE TABLE outbox (" + order_column + (order_column.empty() ? "" : ", ") +
        "id TEXT NOT NULL, aggregatetype TEXT NOT NULL, aggregateid TEXT NOT NULL, type TEXT NOT NULL, payload)");
  }
  void insert(const std::string& type) {
    run("INSERT INTO outbox (id, aggregatetype, aggregateid, type) VALUES ('i', 'order', '7', '" + type + "')");
  }

  std::vector<Finding> inspect() { return inspect_sqlite(settings_, Deadline::in(std::chrono::seconds(5))); }
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
    EXPECT_THAT(found[0].message, HasSubstr(words));
    run(found[0].fix);
    EXPECT_TRUE(troubles().empty()) << troubles()[0].message;
  }
  // No statements, but where to read how they are made.
  void expect_manual() {
    const auto found = troubles();
    ASSERT_EQ(found.size(), 1U);
    EXPECT_THAT(found[0].fix, HasSubstr("sqlite.org/lang_altertable.html"));
  }

  tests::TemporaryFolder folder_;
  OutboxSettings settings_;
};

TEST_F(SqliteInspect, FindsNothingWrongWithAGoodTable) {
  create("seq INTEGER PRIMARY KEY AUTOINCREMENT");
  const auto findings = inspect();
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].severity, Finding::Severity::kOk);
  EXPECT_EQ(findings[0].fix, "");
}

TEST_F(SqliteInspect, FindsAMissingFileAndMakesNone) {
  const auto found = troubles();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].severity, Finding::Severity::kError);
  EXPECT_THAT(found[0].fix, HasSubstr(settings_.sqlite_path));
  EXPECT_FALSE(std::filesystem::exists(settings_.sqlite_path));
}

TEST_F(SqliteInspect, FindsAMissingTable) {
  run("CREATE TABLE something_else (a)");
  expect_cured(Finding::Severity::kError, "no such table");
}

TEST_F(SqliteInspect, FindsAMissingColumn) {
  create("seq INTEGER PRIMARY KEY AUTOINCREMENT");
  run("ALTER TABLE outbox DROP COLUMN payload");
  expect_cured(Finding::Severity::kError, "`payload`");
}

TEST_F(SqliteInspect, FindsAMissingOrderAndKeepsTheRowsInTheirOrder) {
  create("");
  insert("first");
  insert("second");
  expect_cured(Finding::Severity::kError, "no column `seq`");
  EXPECT_EQ(run("SELECT group_concat(seq || type) FROM outbox"), "1first,2second");
}

TEST_F(SqliteInspect, FindsAnOrderThatHasAWrongType) {
  create("seq TEXT");
  insert("first");
  const auto found = troubles();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_THAT(found[0].message, HasSubstr("set order_by = \"seq_seq\""));
  run(found[0].fix);
  settings_.order_by = "seq_seq";
  EXPECT_TRUE(troubles().empty()) << troubles()[0].message;
}

TEST_F(SqliteInspect, FindsAnOrderThatIsNotUnique) {
  create("seq INTEGER NOT NULL");
  expect_cured(Finding::Severity::kError, "not unique and has no index");
}

TEST_F(SqliteInspect, WarnsOfNumbersThatAreGivenTwice) {
  create("seq INTEGER PRIMARY KEY");
  insert("first");
  run("UPDATE outbox SET seq = 41");
  expect_cured(Finding::Severity::kWarning, "no AUTOINCREMENT");
  EXPECT_EQ(run("SELECT seq FROM outbox"), "41") << "a number that is on its way somewhere stays what it is";
}

// What the service has around its outbox goes on working when the table was made anew.
TEST_F(SqliteInspect, MakesATableAnewWithEverythingThatBelongsToIt) {
  for (const std::string order : {"", "seq INTEGER PRIMARY KEY, "}) {
    run("DROP TABLE IF EXISTS orders; DROP TABLE IF EXISTS outbox");
    run("CREATE TABLE outbox (" + order + "id TEXT " + (order.empty() ? "PRIMARY KEY" : "UNIQUE") +
        " DEFAULT (lower(hex(randomblob(16)))), aggregatetype TEXT NOT NULL DEFAULT 'order' CHECK (aggregatetype <> "
        "''),"
        " aggregateid TEXT NOT NULL COLLATE NOCASE, type TEXT NOT NULL, payload, -- of the service\n"
        " size INT GENERATED ALWAYS AS (length(payload)) VIRTUAL, orders_id REFERENCES orders(id));"
        "CREATE INDEX outbox_type ON outbox (type); CREATE TABLE IF NOT EXISTS audit (what);"
        "CREATE TRIGGER told AFTER INSERT ON outbox BEGIN INSERT INTO audit VALUES (new.type); END;"
        "CREATE TABLE orders (id INTEGER PRIMARY KEY);"
        "CREATE TABLE lines (outbox_id REFERENCES outbox(id) ON DELETE CASCADE);"
        "CREATE TRIGGER placed AFTER INSERT ON orders BEGIN"
        " INSERT INTO outbox (aggregateid, type, payload) VALUES (new.id, 'placed', '{}'); END;"
        "INSERT INTO orders VALUES (7); INSERT INTO lines SELECT id FROM outbox");
    const auto found = troubles();
    ASSERT_EQ(found.size(), 1U);
    run("PRAGMA foreign_keys = ON; " + found[0].fix);
    EXPECT_TRUE(troubles().empty()) << troubles()[0].message;
    run("INSERT INTO orders VALUES (8)");
    EXPECT_EQ(run("SELECT group_concat(seq || aggregatetype || aggregateid || size, ' ') FROM outbox"),
              "1order72 2order82");
    EXPECT_EQ(run("SELECT count(DISTINCT id) FROM outbox"), "2");
    EXPECT_EQ(run("SELECT count(*) FROM audit"), "2");
    EXPECT_EQ(run("SELECT count(*) FROM lines"), "1");
    EXPECT_EQ(run("PRAGMA foreign_key_check"), "");
    EXPECT_EQ(run("SELECT name FROM pragma_index_list('outbox') WHERE origin = 'c'"), "outbox_type");
    EXPECT_THROW(run("INSERT INTO outbox (aggregatetype, aggregateid, type) VALUES ('', '7', 'x')"),
                 std::runtime_error);
    EXPECT_THROW(run("INSERT INTO outbox (id, aggregateid, type) SELECT id, '7', 'x' FROM outbox"), std::runtime_error);
    run("DROP TABLE lines; DELETE FROM audit");
  }
}

TEST_F(SqliteInspect, SaysWhereToReadHowATableIsMadeAnewThatHasAnotherNumber) {
  run("CREATE TABLE outbox (place INTEGER PRIMARY KEY, id TEXT NOT NULL, aggregatetype TEXT NOT NULL,"
      " aggregateid TEXT NOT NULL, type TEXT NOT NULL, payload)");
  expect_manual();
}

// A key that names no column leads to the primary key, which the number would become.
TEST_F(SqliteInspect, SaysWhereToReadHowATableIsMadeAnewWhoseKeyOthersLeadTo) {
  run("CREATE TABLE outbox (id TEXT PRIMARY KEY NOT NULL, aggregatetype TEXT NOT NULL, aggregateid TEXT NOT NULL,"
      " type TEXT NOT NULL, payload); CREATE TABLE lines (outbox_id TEXT REFERENCES outbox)");
  expect_manual();
}

TEST_F(SqliteInspect, FindsAFileThatMayNotBeWritten) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may write everywhere";
  create("seq INTEGER PRIMARY KEY AUTOINCREMENT");
  std::filesystem::permissions(settings_.sqlite_path, std::filesystem::perms::owner_read);
  const auto found = troubles();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_THAT(found[0].fix, HasSubstr("chmod u+w"));
}

}  // namespace
}  // namespace penstock::outbox
