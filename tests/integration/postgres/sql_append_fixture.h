// A store into which other programs append by SQL.
#pragma once

#include "store/postgres/rows.h"
#include "tests/integration/postgres/store_fixture.h"

namespace penstock::store::postgres {

class SqlAppend : public StoreFixture {
 protected:
  // Of a program that follows the log.
  std::unique_ptr<Store> open_watching() { return open({.inbox = StoreSettings::Inbox::kWatched}); }

  // "ok <version>" or the SQLSTATE.
  static std::string outcome(Session& session, const std::string& call) {
    auto rows = session.execute("SELECT penstock." + call, soon());
    if (!rows) return session.failure().sqlstate;
    return "ok " + std::string(rows->bytes(0, 0));
  }
  std::string outcome(const std::string& call) { return outcome(*session(), call); }

  static std::string append_sql(const std::string& stream, const std::string& metadata = "{}") {
    return "append('" + stream + "', 'placed', '{}'::jsonb, metadata => '" + metadata + "')";
  }
  static void run(Session& session, const std::string& sql) {
    auto done = session.execute(sql, soon());
    ASSERT_TRUE(done) << sql << ": " << done.error().describe();
  }
  std::string log_of(const std::string& columns = "stream || ':' || version") {
    return value("SELECT string_agg(" + columns + ", ' ' ORDER BY position) FROM penstock.events");
  }
  // One append of this program, which sweeps.
  static void append_here(Store& store, const std::string& stream = "here-1") {
    ASSERT_EQ(append_all(store, {request(stream)}), std::vector<std::string>{"ok"});
  }
  // The events of each transaction, marked by `tx` in their metadata, stand side by side.
  void expect_whole_transactions() {
    EXPECT_EQ(
        value("SELECT count(*) FROM (SELECT metadata->>'tx' FROM penstock.events WHERE metadata->>'tx' IS NOT NULL"
              " GROUP BY metadata->>'tx' HAVING max(position) - min(position) + 1 <> count(*)) torn"),
        "0");
  }
};

}  // namespace penstock::store::postgres
