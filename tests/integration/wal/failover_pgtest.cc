// The primary of an outbox is lost, and its standby promoted: where its log is read, and where it is polled. Starts a
// pair of servers of its own.
#include "connectors/outbox/outbox_source.h"
#include "connectors/wal/membership.h"
#include "tests/integration/wal/wal_reader.h"
#include "tests/support/eventually.h"
#include "tests/support/postgres_pair.h"

namespace penstock::tests {
namespace {

class WalFailover : public testing::Test {
 protected:
  void SetUp() override {
    PENSTOCK_NEEDS(Server::kPostgres);
    if (!ServerControl::available()) GTEST_SKIP() << "PENSTOCK_TEST_SERVERS is not set: no primary can be lost";
    servers_ = std::make_unique<PostgresPair>();
    outbox_ = std::make_unique<WalOutbox>();
    servers_->value(WalOutbox::table_statement());
    go_to(servers_->url());
  }
  // Where the log is read from now on.
  void go_to(const std::string& url) { outbox_->settings().rows.url = Secret(url); }
  void insert(int number) const { servers_->value(WalOutbox::insert_statement("a", number)); }
  void deliver(WalReader& reader, std::size_t events) {
    const auto items = reader.read(events);
    ASSERT_EQ(items.size(), events);
    ASSERT_TRUE(reader.source().settle(items.back().mark));
  }
  std::string code_of_opening() {
    WalReader reader(*outbox_);
    const auto opened = reader.open();
    return opened ? "opened" : std::string(opened.error().code().name);
  }
  std::string rows() const { return servers_->value("SELECT string_agg(payload::text, ' ') FROM shop.outbox"); }
  // With everything that was acknowledged; what is committed until then waits for the standby.
  void replicate_synchronously() const {
    const std::string standby =
        run_sql(servers_->primary_url(), "SELECT application_name FROM pg_stat_replication WHERE state = 'streaming'");
    run_sql(servers_->primary_url(), "ALTER SYSTEM SET synchronous_standby_names = '" + standby + "'");
    run_sql(servers_->primary_url(), "SELECT pg_reload_conf()");
    ASSERT_TRUE(eventually([&] {
      return run_sql(servers_->primary_url(), "SELECT sync_state FROM pg_stat_replication WHERE state = 'streaming'") ==
             "sync";
    }));
  }

  std::unique_ptr<PostgresPair> servers_;
  std::unique_ptr<WalOutbox> outbox_;
};

// Faults 13 and 14: a standby is refused until it is promoted. What was delivered behind the gate is on it; its slot is
// not (before PostgreSQL 17), which is put on record, and what was committed meanwhile is still in the table.
// Pitfall "failover": the standby has no slot, or one that is behind.
TEST_F(WalFailover, Fault13And14GoOnAtASynchronousStandbyBehindTheGapOfItsSlot) {
  replicate_synchronously();
  outbox_->settings().gate = wal::WalSettings::Gate::kUntilVisible;
  auto reader = std::make_unique<WalReader>(*outbox_);
  const auto opened = reader->open();
  ASSERT_TRUE(opened) << opened.error().describe();
  insert(1);
  deliver(*reader, 1);
  insert(2);
  go_to(servers_->standby_url());
  EXPECT_EQ(code_of_opening(), "wal.unavailable");

  go_to(servers_->url());
  servers_->await_standby();
  servers_->fail_over();
  insert(3);
  EXPECT_EQ(code_of_opening(), "wal.slot_lost");
  EXPECT_EQ(rows(), "1 2 3");
  ASSERT_EQ(outbox_->gaps().records().size(), 1U);
  outbox_->gaps().acknowledge_all();
  reader = std::make_unique<WalReader>(*outbox_);
  ASSERT_TRUE(reader->open());
  insert(4);
  EXPECT_EQ(data_of(reader->read(1)), "4");
}

// Faults 15 and 16: what was delivered and is lost in the database is put on record; the old primary is never read
// again.
// Pitfall "failover": the log may send what the promotion has lost.
TEST_F(WalFailover, Fault15And16PutALostTailOnRecordAndRefuseTheOldPrimary) {
  auto reader = std::make_unique<WalReader>(*outbox_);
  const auto opened = reader->open();
  ASSERT_TRUE(opened) << opened.error().describe();
  insert(1);
  deliver(*reader, 1);
  servers_->await_standby();
  servers_->cut();
  insert(2);
  deliver(*reader, 1);
  const std::string delivered = outbox_->checkpoints().position("orders");
  servers_->fail_over();
  reader.reset();

  EXPECT_EQ(code_of_opening(), "wal.other_server");
  EXPECT_EQ(outbox_->checkpoints().position("orders"), delivered);
  ASSERT_EQ(outbox_->gaps().records().size(), 1U);
  const SourceGap gap = outbox_->gaps().records().front().gap;
  EXPECT_EQ(gap.reason, "wal.other_server");
  EXPECT_LT(wal::lsn_of(gap.from), wal::parse_own_position(delivered)->progress.settled)
      << "begins where the standby's log ends";
  outbox_->gaps().acknowledge_all();
  reader = std::make_unique<WalReader>(*outbox_);
  ASSERT_TRUE(reader->open());
  insert(3);
  deliver(*reader, 1);
  reader.reset();

  servers_->revive_primary();
  go_to(servers_->primary_url());
  EXPECT_EQ(code_of_opening(), "wal.other_server");
  go_to(servers_->standby_url());
  run_sql(servers_->standby_url(), WalOutbox::insert_statement("a", 4));
  reader = std::make_unique<WalReader>(*outbox_);
  ASSERT_TRUE(eventually([&] { return reader->open().has_value(); }));
  EXPECT_EQ(data_of(reader->read(1)), "4");
}

// Fault 15: a slot is on the new primary, and its publication is another one, because the alteration is lost as well.
TEST_F(WalFailover, Fault15PutsALostTailOnRecordBeforeThePublicationIsLookedAt) {
  EXPECT_EQ(code_of_opening(), "opened");
  servers_->await_standby();
  servers_->cut();
  run_sql(servers_->primary_url(), "ALTER PUBLICATION p DROP TABLE shop.outbox");
  run_sql(servers_->primary_url(), "ALTER PUBLICATION p ADD TABLE shop.outbox");
  EXPECT_EQ(code_of_opening(), "wal.publication_missing");
  outbox_->gaps().acknowledge_all();
  {
    WalReader reader(*outbox_);
    ASSERT_TRUE(reader.open());
    insert(1);
    deliver(reader, 1);
  }
  servers_->fail_over();
  run_sql(servers_->standby_url(), wal::create_slot_statement(outbox_->settings(), 150'000));
  run_sql(servers_->standby_url(), "SELECT pg_logical_emit_message(false, 'x', repeat('x', 1 << 20))");
  EXPECT_EQ(code_of_opening(), "wal.other_server");
  const auto lost = outbox_->gaps().find_open("orders", "wal.other_server").value();
  ASSERT_TRUE(lost);
  outbox_->gaps().acknowledge_all();
  EXPECT_EQ(code_of_opening(), "wal.publication_missing");
  outbox_->gaps().acknowledge_all();
  WalReader reader(*outbox_);
  ASSERT_TRUE(reader.open());
  insert(2);
  EXPECT_EQ(data_of(reader.read(1)), "2");
}

// Fault 16: the old primary runs beside the new one, and `url` leads to either. What it would send was never committed
// on the one that was looked at.
TEST_F(WalFailover, Fault16ReadsNoStreamOfAnotherServerThanItHasLookedAt) {
  auto reader = std::make_unique<WalReader>(*outbox_);
  ASSERT_TRUE(reader->open());
  insert(1);
  deliver(*reader, 1);
  reader.reset();
  servers_->await_standby();
  servers_->fail_over();
  EXPECT_EQ(code_of_opening(), "wal.slot_lost");
  outbox_->gaps().acknowledge_all();
  EXPECT_EQ(code_of_opening(), "opened");
  servers_->revive_primary();
  run_sql(servers_->primary_url(), WalOutbox::insert_statement("a", 2));

  int connects = 0;
  outbox_->settings().rows.url = Secret(servers_->standby_url(), [&]() -> tl::expected<std::string, std::string> {
    return ++connects % 2 == 1 ? servers_->standby_url() : servers_->primary_url();
  });
  reader = std::make_unique<WalReader>(*outbox_);
  Status opened;
  ASSERT_TRUE(eventually([&] {
    connects = 0;
    opened = reader->open();
    return opened || opened.error().code().name != std::string_view("wal.slot_in_use");
  }));
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code().name, "wal.unavailable");
  EXPECT_NE(opened.error().message().find("another server"), std::string::npos) << opened.error().message();
}

// Faults 13 and 14 of a polling source: what was settled on the standby too is gone there, the rest comes again.
TEST_F(WalFailover, Fault13And14GoOnPollingOnceTheStandbyIsPromoted) {
  SystemClock clock;
  SeededRandom random(1);
  const auto poll = [&](const std::string& url) {
    go_to(url);
    return outbox::make_outbox_source(outbox_->settings().rows, outbox_->checkpoints(), outbox_->gaps(),
                                      {clock, random, outbox_->log(), "test"});
  };
  const auto open = [](connectors::Source& source) {
    return source.open({}, Deadline::in(std::chrono::seconds(10)), {});
  };
  const auto read = [](connectors::Source& source) {
    auto batch = source.read({10, 1 << 20, connectors::ReadRoom::Window::kEmpty}, Deadline::in({}), {});
    EXPECT_TRUE(batch) << batch.error().describe();
    return batch ? data_of(batch->items) : "";
  };
  const auto before = poll(servers_->url());
  ASSERT_TRUE(open(*before));
  insert(1);
  insert(2);
  ASSERT_EQ(read(*before), "1 2");
  ASSERT_TRUE(before->settle(ReadMark{1}));
  servers_->await_standby();
  const auto refused = open(*poll(servers_->standby_url()));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code().name, "outbox.unavailable");

  servers_->fail_over();
  EXPECT_FALSE(before->settle(ReadMark{2}));
  const auto after = poll(servers_->url());
  const auto opened = open(*after);
  ASSERT_TRUE(opened) << opened.error().describe();
  insert(3);
  EXPECT_EQ(read(*after), "2 3");
}

}  // namespace
}  // namespace penstock::tests
