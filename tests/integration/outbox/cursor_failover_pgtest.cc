// The primary of a table is lost, and its standby promoted. Starts a pair of servers of its own.
#include "tests/integration/outbox/outbox_fixture.h"
#include "tests/support/postgres_pair.h"

namespace penstock::tests {
namespace {

using outbox::KeepRows;

class OutboxFailover : public OutboxTest {
 protected:
  void SetUp() override {
    OutboxTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    if (!ServerControl::available()) GTEST_SKIP() << "PENSTOCK_TEST_SERVERS is not set: no primary can be lost";
    servers_ = std::make_unique<PostgresPair>();
    servers_->value(
        "CREATE SCHEMA shop; CREATE TABLE shop.outbox (seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
        " id uuid DEFAULT gen_random_uuid(), aggregatetype text, aggregateid text, type text, payload jsonb,"
        " xid xid8 NOT NULL DEFAULT pg_current_xact_id())");
    outbox().settings().url = Secret(servers_->url());
  }
  void insert(int first, int last) const {
    for (int number = first; number <= last; ++number)
      servers_->value(
          "INSERT INTO shop.outbox (aggregatetype, aggregateid, type, payload) VALUES ('order', 'a', 'x', '" +
          std::to_string(number) + "')");
  }
  // Delivers so many rows, one after another.
  void deliver(std::size_t rows) {
    const auto source = open();
    ASSERT_EQ(read_until(*source, rows).size(), rows);
    for (std::uint64_t mark = 1; mark <= rows; ++mark) ASSERT_TRUE(source->settle(ReadMark{mark}));
  }

  std::unique_ptr<PostgresPair> servers_;
};

class OutboxCursorFailover : public OutboxFailover, public testing::WithParamInterface<KeepRows::Guard> {
 protected:
  void SetUp() override {
    OutboxFailover::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    outbox().settings().policy = KeepRows{GetParam(), "xid"};
  }
  bool by_xid() const { return GetParam() == KeepRows::Guard::kXid; }
};

TEST_P(OutboxCursorFailover, Fault14GoesOnWhereNothingWasLost) {
  insert(1, 3);
  deliver(3);
  servers_->await_standby();
  servers_->fail_over();
  insert(4, 5);
  EXPECT_EQ(data_of(read_until(*open(), 2)), "4 5");
  EXPECT_TRUE(outbox().gaps().records().empty());
}

TEST_P(OutboxCursorFailover, Fault15And16And22PutALostTailOnRecordAndReadWhatIsLeft) {
  insert(1, 3);
  deliver(3);
  servers_->await_standby();
  servers_->cut();
  insert(4, 5);
  deliver(2);
  const std::string delivered = outbox().checkpoints().position("orders");
  servers_->fail_over();
  insert(6, 7);
  EXPECT_EQ(code_of(try_open()), "outbox.lost_tail");
  EXPECT_EQ(code_of(try_open()), "outbox.lost_tail");
  EXPECT_EQ(outbox().checkpoints().position("orders"), delivered);
  ASSERT_EQ(outbox().gaps().records().size(), 1U);
  const SourceGap gap = outbox().gaps().records().front().gap;
  EXPECT_EQ(gap.reason, "outbox.lost_tail");
  EXPECT_EQ(gap.from, Position{by_xid() ? 0 : 1}) << "the highest witness that is left";
  EXPECT_EQ(gap.to, Position{5});
  outbox().gaps().acknowledge_all();
  const std::string left = by_xid() ? "1 2 3 6 7" : "2 3 6 7";
  EXPECT_EQ(data_of(read_until(*open(), by_xid() ? 5 : 4)), left);

  servers_->revive_primary();
  outbox().settings().url = Secret(servers_->primary_url());
  EXPECT_EQ(code_of(try_open()), "outbox.unavailable") << "it is a former primary";
  EXPECT_EQ(outbox().gaps().records().size(), 1U);
}

// Without a checkpoint, too: a source that has read the new primary doesn't go back to the old one.
TEST_F(OutboxFailover, Fault16ReadsNoFormerPrimaryUnderPolicyDeleteEither) {
  insert(1, 1);
  servers_->await_standby();
  servers_->fail_over();
  const auto source = open();
  ASSERT_EQ(data_of(read_until(*source, 1)), "1");
  ASSERT_TRUE(source->settle(ReadMark{1}));
  servers_->revive_primary();
  EXPECT_EQ(code_of(source->open({}, Deadline::in(std::chrono::seconds(10)), {})), "outbox.unavailable");
}

INSTANTIATE_TEST_SUITE_P(Guard, OutboxCursorFailover, testing::Values(KeepRows::Guard::kWriters, KeepRows::Guard::kXid),
                         [](const auto& guard) { return guard.param == KeepRows::Guard::kXid ? "Xid" : "Writers"; });

}  // namespace
}  // namespace penstock::tests
