// Rows of the fault matrix that come from the line to the server, from its state, or from our own disk; each by its
// number.
#include <gmock/gmock.h>
#include <stdlib.h>

#include <thread>

#include "tests/integration/wal/wal_reader.h"
#include "tests/support/eventually.h"
#include "tests/support/tcp_gate.h"
#include "tests/support/test_role.h"
#include "tests/support/tiny_disk.h"

namespace penstock::tests {
namespace {

class WalFaults : public testing::Test {
 protected:
  void SetUp() override {
    PENSTOCK_NEEDS(Server::kPostgres);
    outbox_ = std::make_unique<WalOutbox>(", note text");
    outbox_->create_publication_and_slot();
  }
  void TearDown() override { reader_.reset(); }

  std::uint16_t server_port() { return static_cast<std::uint16_t>(std::stoi(outbox_->value("SHOW port"))); }
  // The log is read through there from now on.
  void go_through(const TcpGate& gate) {
    outbox_->settings().rows.url = Secret(outbox_->url() + "?host=127.0.0.1&port=" + std::to_string(gate.port()));
  }
  // Once the server has noticed the end of an earlier opening.
  void open() {
    reader_ = std::make_unique<WalReader>(*outbox_);
    ASSERT_TRUE(eventually([&] { return reader_->open().has_value(); }));
  }
  Error failing_read() {
    const auto batch = reader_->source().read({10, 64 << 20, connectors::ReadRoom::Window::kEmpty},
                                              Deadline::in(std::chrono::seconds(40)), {});
    if (batch) throw std::runtime_error("the read did not fail");
    return batch.error();
  }

  std::unique_ptr<WalOutbox> outbox_;
  std::unique_ptr<WalReader> reader_;
};

// The stream of a server that hangs is as silent as an idle one, so it is the other session that notices.
TEST_F(WalFaults, Fault3NoticesAServerThatHangs) {
  TcpGate gate(server_port());
  go_through(gate);
  open();
  outbox_->insert("a", 1);
  EXPECT_EQ(data_of(reader_->read(1)), "1");
  gate.hold();
  outbox_->insert("a", 2);
  EXPECT_EQ(failing_read().code().name, "core.timeout");
  gate.release();
  open();
  EXPECT_EQ(data_of(reader_->read(2)), "1 2");
}

// Who ends the program doesn't wait for such a server.
TEST_F(WalFaults, Fault3IsGivenUpAtOnceWhileAServerHangs) {
  TcpGate gate(server_port());
  go_through(gate);
  open();
  gate.hold();
  const std::jthread ends([this] { reader_->source().give_up(); });
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_FALSE(reader_->source().keep_alive());
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(5));
}

// As the protocol has it: severity, SQLSTATE, words.
std::string notice(const std::string& severity, const std::string& sqlstate, const std::string& words) {
  const std::string fields =
      "S" + severity + '\0' + "V" + severity + '\0' + "C" + sqlstate + '\0' + "M" + words + '\0' + '\0';
  const std::string length{'\0', '\0', '\0', static_cast<char>(fields.size() + 4)};
  return "N" + length + fields;
}

// Fault 19. PostgreSQL 18 leaves out the rows of a publication that is younger than its slot, with nothing but a
// warning in the stream. Older servers, as this one, fail: so the warning is said for it.
TEST_F(WalFaults, Fault19StopsWhereTheServerWarnsThatItLeavesRowsOut) {
  TcpGate gate(server_port());
  go_through(gate);
  open();
  gate.say(notice("WARNING", "01000", "of no matter"));
  outbox_->insert("a", 1);
  EXPECT_EQ(data_of(reader_->read(1)), "1");
  gate.say(notice("WARNING", "55000", "skipped loading publication \"p\""));
  outbox_->insert("a", 2);
  const Error error = failing_read();
  EXPECT_EQ(error.code().name, "wal.publication_missing");
  EXPECT_THAT(error.message(), testing::HasSubstr("skipped loading publication \"p\""));
}

// A server that has not noticed yet that its reader is gone keeps the slot for it: that is waited for.
TEST_F(WalFaults, Fault4WaitsForTheSlotThatAHalfOpenLinkStillHolds) {
  TcpGate gate(server_port());
  go_through(gate);
  open();
  outbox_->insert("a", 1);
  const auto items = reader_->read(1);
  ASSERT_TRUE(reader_->source().settle(items.back().mark));
  gate.hold();
  reader_.reset();
  outbox_->insert("a", 2);
  outbox_->settings().rows.url = Secret(outbox_->url());
  WalReader other(*outbox_);
  const auto refused = other.open();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code().name, "wal.slot_in_use");
  gate.cut();
  open();
  EXPECT_EQ(data_of(reader_->read(1)), "2");
}

TEST_F(WalFaults, Fault6ReadsOnOverALineThatStallsAgainAndAgain) {
  TcpGate gate(server_port());
  go_through(gate);
  open();
  outbox_->execute(
      "INSERT INTO shop.outbox(aggregatetype, aggregateid, type, payload, note) SELECT 'order', 'a', 'counted',"
      " to_jsonb(i), repeat('x', 2000) FROM generate_series(1, 500) i");
  std::jthread stalling([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      gate.hold();
      std::this_thread::sleep_for(std::chrono::milliseconds(40));
      gate.release();
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    gate.release();
  });
  const auto items = reader_->read(500);
  ASSERT_EQ(items.size(), 500U);
  EXPECT_EQ(items.back().event->data, "500");
  EXPECT_TRUE(reader_->source().settle(items.back().mark));
}

TEST_F(WalFaults, Fault7WaitsForAFreeConnection) {
  const TestRole role(outbox_->url(), "LOGIN REPLICATION CONNECTION LIMIT 0");
  role.grant("USAGE ON SCHEMA shop");
  outbox_->settings().rows.url = role.url();
  WalReader refused(*outbox_);
  const auto opened = refused.open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code().name, "wal.unavailable");
  role.alter("CONNECTION LIMIT 2");
  outbox_->insert("a", 1);
  open();
  EXPECT_EQ(data_of(reader_->read(1)), "1");
  reader_.reset();
}

TEST_F(WalFaults, Fault12WaitsWhereNoRoomIsLeftForALargeTransaction) {
  if (const auto why = TinyDisk::reason_missing(); !why.empty()) GTEST_SKIP() << why;
  TinyDisk disk(1 << 20);
  const char* const before = getenv("TMPDIR");
  const std::string kept = before == nullptr ? "" : before;
  setenv("TMPDIR", disk.path().c_str(), 1);
  open();
  outbox_->execute(
      "INSERT INTO shop.outbox(aggregatetype, aggregateid, type, payload, note) SELECT 'order', 'a', 'counted',"
      " to_jsonb(i), repeat('x', 4000) FROM generate_series(1, 4000) i");
  EXPECT_EQ(failing_read().code().name, "wal.spill_failed");
  disk.grow(64 << 20);
  open();
  EXPECT_EQ(reader_->read(4'000).size(), 4'000U);
  reader_.reset();
  before == nullptr ? unsetenv("TMPDIR") : setenv("TMPDIR", kept.c_str(), 1);
}

// Fault 25: the sink is away for long, so that nobody reads, and the server has more than the connection takes.
TEST_F(WalFaults, Fault25KeepsTheStreamWhileNobodyHasRoomForWhatComes) {
  open();
  outbox_->execute(
      "INSERT INTO shop.outbox(aggregatetype, aggregateid, type, payload) SELECT 'order', 'a', 'counted',"
      " to_jsonb(repeat(md5(i::text), 3000)) FROM generate_series(1, 400) i");
  const std::string stream =
      "SELECT active_pid::text FROM pg_replication_slots WHERE slot_name = '" + outbox_->settings().slot + "'";
  const std::string pid = outbox_->value(stream);
  EXPECT_FALSE(eventually([&] { return !reader_->source().keep_alive() || outbox_->value(stream) != pid; },
                          Deadline::in(std::chrono::seconds(14))));
  EXPECT_EQ(reader_->read(400).size(), 400U);
}

// Reading needs no right to write. Deleting does, and is refused before anything is delivered.
TEST_F(WalFaults, Fault13RefusesToDeleteFromADatabaseThatCannotBeWritten) {
  outbox_->settings().settle = wal::WalSettings::Settle::kDelete;
  const std::string alter = "ALTER DATABASE " + outbox_->value("SELECT current_database()");
  run_sql(address_of(Server::kPostgres), alter + " SET default_transaction_read_only = on");
  WalReader reader(*outbox_);
  const auto refused = reader.open();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code().name, "wal.unavailable");
  EXPECT_THAT(refused.error().describe(), testing::HasSubstr("read-only"));
  run_sql(address_of(Server::kPostgres), alter + " RESET default_transaction_read_only");
  outbox_->insert("a", 1);
  open();
  EXPECT_EQ(data_of(reader_->read(1)), "1");
}

}  // namespace
}  // namespace penstock::tests
