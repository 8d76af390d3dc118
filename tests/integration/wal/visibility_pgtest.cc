// Commits that stand in the log and are not seen yet, as on a server that waits for a synchronous standby. Changes a
// setting of the whole server, so nothing else runs meanwhile.
#include <algorithm>
#include <future>
#include <stop_token>
#include <thread>

#include "connectors/wal/publication_watch.h"
#include "connectors/wal/wal_session.h"
#include "tests/integration/wal/wal_reader.h"
#include "tests/support/eventually.h"

namespace penstock::tests {
namespace {

using connectors::ReadRoom;
using wal::WalSettings;

// While it lives, the server waits for a standby that never answers: commits reach the log, and nobody sees them.
class HeldCommits {
 public:
  explicit HeldCommits(const WalOutbox& outbox, const std::string& awaited = "nobody") : outbox_(outbox) {
    set("SET synchronous_standby_names = '" + awaited + "'");
    // A server that has been told is not yet one that waits.
    probing_ = std::jthread([this](const std::stop_token& stop) {
      while (!stop.stop_requested()) run_sql(outbox_.url(), "SELECT pg_logical_emit_message(true, 'probe', '')");
    });
    if (!eventually([&] { return waiting() == 1; })) ADD_FAILURE() << "commits are not held back";
  }
  ~HeldCommits() {
    probing_.request_stop();
    set("RESET synchronous_standby_names");
  }
  HeldCommits(const HeldCommits&) = delete;
  HeldCommits& operator=(const HeldCommits&) = delete;

  // Sessions whose commit is held back, the probing one included.
  int waiting() const {
    return std::stoi(outbox_.value("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"));
  }

 private:
  void set(const std::string& setting) const {
    outbox_.execute("ALTER SYSTEM " + setting);
    outbox_.execute("SELECT pg_reload_conf()");
  }

  const WalOutbox& outbox_;
  std::jthread probing_;
};

class WalVisibility : public testing::Test {
 protected:
  void SetUp() override {
    PENSTOCK_NEEDS(Server::kPostgres);
    outbox_ = std::make_unique<WalOutbox>();
    outbox_->create_publication_and_slot();
  }
  void open() {
    reader_ = std::make_unique<WalReader>(*outbox_);
    const auto opened = reader_->open();
    ASSERT_TRUE(opened) << opened.error().describe();
  }
  void TearDown() override { reader_.reset(); }

  // Runs statements whose commit is held back; returns once it stands in the log, and was sent to the source.
  std::future<void> commit(const HeldCommits& held, const std::string& sql) {
    auto committing = std::async(std::launch::async, [this, sql] { outbox_->execute(sql); });
    const bool sent = eventually([&] { return held.waiting() == 2; }) && eventually([&] {
                        return outbox_->value(
                                   "SELECT r.sent_lsn >= pg_current_wal_flush_lsn() FROM pg_replication_slots"
                                   " s JOIN pg_stat_replication r ON r.pid = s.active_pid"
                                   " WHERE s.slot_name = '" +
                                   outbox_->settings().slot + "'") == "t";
                      });
    EXPECT_TRUE(sent) << "the commit did not get to the log";
    return committing;
  }
  std::string rows() { return outbox_->value("SELECT count(*) FROM shop.outbox"); }
  std::size_t read_now() {
    const auto batch = reader_->source().read({10, 1 << 20, ReadRoom::Window::kEmpty},
                                              Deadline::in(std::chrono::milliseconds(50)), {});
    EXPECT_TRUE(batch) << batch.error().describe();
    return batch ? batch->items.size() : 0;
  }

  std::unique_ptr<WalOutbox> outbox_;
  std::unique_ptr<WalReader> reader_;
};

// Pitfall "visibility race": what the gate is for. Heartbeats wait for no standby either.
TEST_F(WalVisibility, IsNotWaitedForWithoutTheGate) {
  open();
  std::future<void> committing;
  const HeldCommits held(*outbox_);
  committing = commit(held, WalOutbox::insert_statement("a", 1));
  EXPECT_EQ(data_of(reader_->read(1)), "1");
  EXPECT_EQ(rows(), "0");
}

// Pitfall "visibility race".
TEST_F(WalVisibility, IsWaitedForAtTheGateInTheOrderOfTheLog) {
  outbox_->settings().gate = WalSettings::Gate::kUntilVisible;
  open();
  outbox_->insert("a", 1);
  EXPECT_EQ(data_of(reader_->read(1)), "1");
  std::future<void> committing;
  {
    const HeldCommits held(*outbox_);
    committing = commit(held, WalOutbox::insert_statement("a", 2));
    outbox_->execute("SET synchronous_commit = local; " + WalOutbox::insert_statement("a", 3));
    EXPECT_EQ(read_now(), 0U);
    EXPECT_EQ(rows(), "2");
  }
  EXPECT_EQ(data_of(reader_->read(2)), "2 3");
  EXPECT_EQ(rows(), "3");
}

// Fault 14: the standby never comes; a restart of the source forgets nothing, and who gives up waiting has committed.
TEST_F(WalVisibility, LastsOverARestartUntilTheWriterWaitsNoLonger) {
  outbox_->settings().gate = WalSettings::Gate::kUntilVisible;
  open();
  std::future<void> committing;
  const HeldCommits held(*outbox_);
  committing = commit(held, "SET application_name = 'shop'; " + WalOutbox::insert_statement("a", 1));
  EXPECT_EQ(read_now(), 0U);
  reader_.reset();
  reader_ = std::make_unique<WalReader>(*outbox_);
  ASSERT_TRUE(eventually([&] { return reader_->open().has_value(); }));
  EXPECT_TRUE(eventually([&] { return read_now() > 0 || reader_->source().figures().held_back_by; }));
  EXPECT_TRUE(reader_->source().figures().held_back_by) << "it was handed out";
  EXPECT_EQ(rows(), "0");
  outbox_->value("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = 'shop'");
  EXPECT_EQ(data_of(reader_->read(1)), "1");
  EXPECT_EQ(rows(), "1");
}

TEST_F(WalVisibility, SaysWhoseCommitTheServerHoldsBack) {
  outbox_->settings().gate = WalSettings::Gate::kUntilVisible;
  open();
  std::future<void> committing;
  {
    const HeldCommits held(*outbox_);
    committing = commit(held, "SET application_name = 'shop'; " + WalOutbox::insert_statement("a", 1));
    EXPECT_TRUE(eventually([&] { return read_now() > 0 || reader_->source().figures().held_back_by; }));
    const auto holder = reader_->source().figures().held_back_by;
    ASSERT_TRUE(holder);
    EXPECT_EQ(holder->application, "shop");
    EXPECT_EQ(std::to_string(holder->pid),
              outbox_->value("SELECT pid FROM pg_stat_activity WHERE application_name = 'shop'"));
  }
  EXPECT_EQ(data_of(reader_->read(1)), "1");
  EXPECT_FALSE(reader_->source().figures().held_back_by);
  EXPECT_EQ(std::ranges::count(outbox_->log().lines(), "wal.stalled", &RecordingLog::Line::code), 1)
      << outbox_->log().text();
}

// An alteration of the publication holds in the log from its commit on, while the catalogue doesn't show it yet.
TEST_F(WalVisibility, IsWaitedForBeforeALookAtThePublicationCounts) {
  const Deadline deadline = Deadline::in(std::chrono::seconds(40));
  const auto session =
      store::postgres::Session::open(wal::session_settings_of(outbox_->settings(), "test"), deadline).value();
  const auto database = wal::load_wal_database(*session, outbox_->settings(), deadline, {}).value();
  wal::PublicationWatch watch(outbox_->settings(), outbox_->gaps(), outbox_->log());
  watch.begin(wal::PublishedAt{database.log_end, database.publication->membership}, database);
  outbox_->insert("a", 1);
  EXPECT_TRUE(eventually(
      [&] { return watch.look(*session, deadline, {}).has_value() && watch.last()->at > database.log_end; }));

  const auto before = *wal::parse_lsn(outbox_->value("SELECT pg_current_wal_insert_lsn()"));
  std::future<void> altering;
  {
    const HeldCommits held(*outbox_);
    altering =
        std::async(std::launch::async, [this] { outbox_->execute("ALTER PUBLICATION p DROP TABLE shop.outbox"); });
    ASSERT_TRUE(eventually([&] { return held.waiting() == 2; }));
    // Nothing with a higher number is seen to end meanwhile.
    for (int look = 0; look < 3; ++look) EXPECT_TRUE(watch.look(*session, deadline, {}));
  }
  altering.get();
  EXPECT_FALSE(watch.look(*session, deadline, {}));
  ASSERT_EQ(outbox_->gaps().records().size(), 1U);
  EXPECT_LE(wal::lsn_of(outbox_->gaps().records().front().gap.from), before);
}

// The server takes whoever reads a slot for a standby, if any name will do: a commit then waits for the source, which
// waits until the commit can be seen.
TEST_F(WalVisibility, IsRefusedWhereTheServerWouldWaitForTheSource) {
  outbox_->settings().gate = WalSettings::Gate::kUntilVisible;
  const HeldCommits held(*outbox_, "FIRST 1 (nobody, *)");
  reader_ = std::make_unique<WalReader>(*outbox_);
  const auto opened = reader_->open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code().name, "wal.refused");
  EXPECT_NE(opened.error().message().find("synchronous_standby_names"), std::string::npos);
  EXPECT_NE(findings_of(*outbox_).find("ALTER SYSTEM SET synchronous_standby_names"), std::string::npos);
}

// Without the gate it goes on, and a service waits for as long as the sink takes.
TEST_F(WalVisibility, IsWarnedOfWhereTheServerWaitsForTheSource) {
  const HeldCommits held(*outbox_, "*");
  open();
  const auto said = [&] { return outbox_->log().text().find("synchronous_standby_names") != std::string::npos; };
  EXPECT_TRUE(said()) << outbox_->log().text();
  EXPECT_NE(findings_of(*outbox_).find("synchronous_standby_names"), std::string::npos);
}

// A row that is deleted before it can be seen would stay for ever.
TEST_F(WalVisibility, IsWaitedForWhereSettledRowsAreDeleted) {
  outbox_->settings().settle = WalSettings::Settle::kDelete;
  open();
  outbox_->execute("BEGIN; " + WalOutbox::insert_statement("a", 1) + "PREPARE TRANSACTION '" +
                   outbox_->settings().slot + "'");
  std::future<void> committing;
  {
    const HeldCommits held(*outbox_);
    committing = commit(held, "COMMIT PREPARED '" + outbox_->settings().slot + "'");
    EXPECT_EQ(read_now(), 0U);
  }
  const auto items = reader_->read(1);
  ASSERT_EQ(data_of(items), "1");
  ASSERT_TRUE(reader_->source().settle(items[0].mark));
  EXPECT_EQ(rows(), "0");
}

}  // namespace
}  // namespace penstock::tests
