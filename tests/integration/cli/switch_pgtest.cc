// `penstock sources switch` as an operator sees it: what it says, and when it ends.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/cli/program.h"
#include "tests/integration/cli/scrape.h"
#include "tests/support/tcp_gate.h"
#include "tests/support/wal_outbox.h"

namespace penstock::tests {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class SourcesSwitch : public testing::Test {
 protected:
  void SetUp() override {
    PENSTOCK_NEEDS(Server::kPostgres);
    outbox_ = std::make_unique<WalOutbox>();
  }

  void write_configuration(const std::string& source, const std::string& url) const {
    folder_.write(
        "penstock.toml",
        "[store]\nurl = \"sqlite:events.db\"\n[metrics]\nlisten = \"127.0.0.1:0\"\n"
        "[[route]]\nfrom = \"orders\"\nto = \"store\"\n[[source]]\nname = \"orders\"\ntable = \"shop.outbox\"\n"
        "profile = \"debezium\"\norder_by = \"seq\"\nurl = \"" +
            url + "\"\n" + source);
  }
  const std::string& slot() const { return outbox_->settings().slot; }

  std::unique_ptr<WalOutbox> outbox_;
  ProgramFolder folder_;
};

TEST_F(SourcesSwitch, SaysHowFarTheLogWasRead) {
  outbox_->execute("CREATE UNIQUE INDEX ON shop.outbox (id)");
  outbox_->create_publication_and_slot();
  write_configuration("kind = \"wal\"\nsettle = \"delete\"\nslot = \"" + slot() + "\"\npublication = \"p\"\n",
                      outbox_->url());
  {
    RunningProgram program(folder_, "run", {"run"});
    outbox_->insert("a", 1);
    ASSERT_TRUE(shows(program, "penstock_route_delivered_events_total{route=\"orders-to-store\"} 1\n"))
        << program.err();
    program.signal(SIGTERM);
    ASSERT_EQ(program.wait_for_end(), 0) << program.err();
  }
  const Ended ended = folder_.call({"sources", "switch", "orders", "--to", "polling"});
  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_THAT(ended.out,
              AllOf(HasSubstr("the store knows now that source orders is polled; the log had been read up to 0/"),
                    Not(HasSubstr("published"))));
}

// A slot that can't be given up is no reason to forget how far the log was read.
TEST_F(SourcesSwitch, ChangesNothingWhereTheSlotIsOfAnotherDatabase) {
  WalOutbox other;
  other.create_publication_and_slot();
  write_configuration(
      "kind = \"wal\"\nsettle = \"delete\"\nslot = \"" + other.settings().slot + "\"\npublication = \"p\"\n",
      outbox_->url());
  const Ended ended = folder_.call({"sources", "switch", "orders", "--to", "polling"});
  EXPECT_NE(ended.exit_code, 0);
  EXPECT_EQ(ended.out, "");
  EXPECT_THAT(ended.err, HasSubstr("wal.refused"));
}

// The place that is kept from the old server's log is one to be forgotten: the source is polled where the url leads to.
TEST_F(SourcesSwitch, GoesToTheLogOfAServerThatHasTakenTheOthersPlace) {
  outbox_->execute("CREATE UNIQUE INDEX ON shop.outbox (id)");
  write_configuration("kind = \"outbox\"\npolicy = \"delete\"\n", outbox_->url());
  {
    const auto store = folder_.open_store("events.db");
    ASSERT_TRUE(store->migrate());
    const auto lease = store->leases().take("test", "test").value();
    ASSERT_TRUE(store->source_checkpoints().advance(lease, "orders", std::nullopt, {"16/B374D800", "1", 1}));
    ASSERT_TRUE(store->leases().release(lease));
  }
  const Ended ended = folder_.call({"sources", "switch", "orders", "--to", "wal", "--slot", slot()});
  EXPECT_EQ(ended.exit_code, 0) << ended.out << ended.err;
  EXPECT_THAT(ended.out, HasSubstr("the log had been read up to 16/B374D800"));
}

TEST_F(SourcesSwitch, EndsInTimeAlsoWhereTheServerHangsMeanwhile) {
  const std::string& url = outbox_->url();
  TcpGate gate(static_cast<std::uint16_t>(std::stoi(outbox_->value("SHOW port"))));
  write_configuration("kind = \"outbox\"\npolicy = \"delete\"\n",
                      url + "?host=127.0.0.1&port=" + std::to_string(gate.port()));
  outbox_->insert("a", 1);  // which nobody polls
  RunningProgram command(folder_, "switch",
                         {"sources", "switch", "orders", "--to", "wal", "--timeout", "5", "--slot", slot()});
  ASSERT_TRUE(command.wait_until([&] { return command.out().find("create slot") != std::string::npos; }))
      << command.err();
  gate.hold();
  EXPECT_EQ(command.wait_for_end(std::chrono::seconds(8)), 75) << command.out() << command.err();
}

}  // namespace
}  // namespace penstock::tests
