#include <sqlite3.h>

#include <stdexcept>

#include "connectors/outbox/cursor_place.h"
#include "connectors/outbox/outbox_source.h"
#include "tests/contract/source/source_contract.h"
#include "tests/support/memory_source_checkpoints.h"
#include "tests/support/memory_source_gaps.h"
#include "tests/support/recording_log.h"
#include "tests/support/seeded_random.h"
#include "tests/support/temporary_folder.h"

namespace penstock::tests {
namespace {

class SqliteOutbox final : public SourceTable {
 public:
  explicit SqliteOutbox(outbox::Policy policy = {}) : policy_(std::move(policy)) {
    if (sqlite3_open(path_.c_str(), &database_) != SQLITE_OK) throw std::runtime_error("no database file");
    execute(
        "CREATE TABLE outbox (seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT, aggregatetype TEXT, aggregateid TEXT,"
        " type TEXT, payload TEXT, tenant TEXT DEFAULT 'acme', published INTEGER DEFAULT 0);"
        "CREATE TABLE outbox_settled (id TEXT NOT NULL PRIMARY KEY, settled_at TEXT)");
    // A malformed row of the suite has the id of a number that is never written.
    if (tracks()) execute("CREATE UNIQUE INDEX outbox_id ON outbox (id)");
  }
  ~SqliteOutbox() override { sqlite3_close(database_); }

  std::unique_ptr<connectors::Source> make_source() override {
    outbox::OutboxSettings settings;
    settings.source_name = "orders";
    settings.backend = outbox::Backend::kSqlite;
    settings.sqlite_path = path_;
    settings.table = {"", "outbox"};
    if (!tracks()) settings.order_by = "seq";
    settings.policy = policy_;
    settings.columns = outbox::columns_of(*outbox::find_profile("debezium"));
    return outbox::make_outbox_source(settings, outbox::make_sqlite_table(settings), checkpoints_, gaps_,
                                      surroundings_);
  }
  void write(std::string_view key, int number) override { insert(key, number, "counted"); }
  bool write_malformed() override { return insert("a", 0, ""), true; }
  std::size_t unsettled() override {
    std::size_t rows = 0;
    const auto count = [](void* out, int, char** values, char**) {
      *static_cast<std::size_t*>(out) = std::stoul(values[0]);
      return 0;
    };
    const std::string sql =
        "SELECT count(*) FROM outbox WHERE published = 0 AND id NOT IN (SELECT id FROM outbox_settled) AND seq >= " +
        std::to_string(first_unsettled());
    sqlite3_exec(database_, sql.c_str(), count, &rows, nullptr);
    return rows;
  }

 private:
  bool tracks() const { return std::holds_alternative<outbox::TrackRows>(policy_); }
  std::int64_t first_unsettled() const {
    const auto ranges = outbox::parse_ranges(checkpoints_.position("orders"));
    return ranges ? ranges->front().first : 0;
  }
  void insert(std::string_view key, int number, const std::string& type) {
    const std::string text = std::to_string(number);
    execute("INSERT INTO outbox(id, aggregatetype, aggregateid, type, payload) VALUES ('" +
            EventId::from_name(kNamespaceUrl, text).to_string() + "', 'order', '" + std::string(key) + "', '" + type +
            "', '" + text + "')");
  }
  void execute(const std::string& sql) {
    if (sqlite3_exec(database_, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK)
      throw std::runtime_error(sqlite3_errmsg(database_));
  }

  const outbox::Policy policy_;
  MemorySourceCheckpoints checkpoints_;
  MemorySourceGaps gaps_;
  SeededRandom random_{1};
  RecordingLog log_;
  SystemClock clock_;
  const connectors::Surroundings surroundings_{clock_, random_, log_, "test"};
  TemporaryFolder folder_;
  const std::string path_ = folder_.file("orders.db");
  sqlite3* database_ = nullptr;
};

PENSTOCK_RUN_SOURCE_CONTRACT((SourceTableKind{"OutboxSqlite", [] { return std::make_unique<SqliteOutbox>(); }}));
PENSTOCK_RUN_SOURCE_CONTRACT_AS(OutboxSqliteMarked,
                                (SourceTableKind{
                                    "Marked", [] {
                                      return std::make_unique<SqliteOutbox>(outbox::MarkRows{"published", "1"});
                                    }}));
PENSTOCK_RUN_SOURCE_CONTRACT_AS(OutboxSqliteTracked,
                                (SourceTableKind{"Tracked",
                                                 [] { return std::make_unique<SqliteOutbox>(outbox::TrackRows{}); }}));
PENSTOCK_RUN_SOURCE_CONTRACT_AS(
    OutboxSqliteKept,
    (SourceTableKind{"Kept", [] {
                       return std::make_unique<SqliteOutbox>(outbox::KeepRows{outbox::KeepRows::Guard::kOneWriter, {}});
                     }}));

}  // namespace
}  // namespace penstock::tests
