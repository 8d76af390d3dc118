// What a switch between polling and the log asks of a real server.
#include "connectors/wal/source_switch.h"
#include "tests/integration/wal/wal_reader.h"
#include "tests/support/eventually.h"
#include "tests/support/test_role.h"

namespace penstock::tests {
namespace {

constexpr std::chrono::seconds kPatience{20};

class WalSwitch : public testing::Test {
 protected:
  void SetUp() override {
    PENSTOCK_NEEDS(Server::kPostgres);
    outbox_ = std::make_unique<WalOutbox>();
  }
  wal::SwitchSession open() {
    auto session = wal::SwitchSession::open(outbox_->settings(), kPatience, Deadline::in(kPatience));
    if (!session) throw std::runtime_error(session.error().describe());
    return *std::move(session);
  }
  // Transactions of other tests run on the same server.
  static std::int64_t await_highest_order(wal::SwitchSession& session, const std::string& before) {
    std::optional<std::int64_t> highest;
    const auto found = [&] { return (highest = session.find_highest_order(before, Deadline::in(kPatience)).value()); };
    EXPECT_TRUE(eventually([&] { return found().has_value(); }));
    return highest.value();
  }
  // What is left to do.
  static std::string left(wal::SwitchSession& session, const wal::WalSettings& settings) {
    const auto database = session.look(Deadline::in(kPatience));
    const auto steps = database ? wal::steps_to_log(*database, settings, session.server().version)
                                : Result<std::vector<wal::SwitchStep>>(fail(database.error()));
    if (!steps) return steps.error().describe();
    std::string words;
    for (const wal::SwitchStep& step : *steps) words += step.words + "; ";
    return words;
  }

  std::unique_ptr<WalOutbox> outbox_;
};

TEST_F(WalSwitch, MakesWhatASourceThenReadsFrom) {
  auto session = open();
  const auto database = session.look(Deadline::in(kPatience));
  ASSERT_TRUE(database) << database.error().describe();
  const auto steps = wal::steps_to_log(*database, outbox_->settings(), session.server().version);
  ASSERT_TRUE(steps) << steps.error().describe();
  outbox_->insert("a", 1);
  for (const wal::SwitchStep& step : *steps)
    ASSERT_TRUE(session.carry_out(step, Deadline::in(kPatience))) << step.statement;
  EXPECT_EQ(left(session, outbox_->settings()), "");
  outbox_->insert("a", 2);
  WalReader reader(*outbox_);
  ASSERT_TRUE(reader.open());
  EXPECT_EQ(data_of(reader.read(1)), "2");
}

TEST_F(WalSwitch, NamesWhomANewSlotWaitsFor) {
  auto session = open();
  ASSERT_TRUE(
      session.carry_out({"create publication", "CREATE PUBLICATION p FOR TABLE shop.outbox"}, Deadline::in(kPatience)));
  const auto database = session.look(Deadline::in(kPatience));
  ASSERT_TRUE(database) << database.error().describe();
  const auto steps = wal::steps_to_log(*database, outbox_->settings(), session.server().version);
  ASSERT_TRUE(steps) << steps.error().describe();
  const std::string holder = "holder " + outbox_->settings().slot;
  outbox_->execute("BEGIN; " + WalOutbox::insert_statement("a", 1) + "PREPARE TRANSACTION '" + holder + "'");
  const auto made = session.carry_out(steps->back(), Deadline::in(std::chrono::seconds(4)));
  outbox_->execute("ROLLBACK PREPARED '" + holder + "'");
  ASSERT_FALSE(made);
  EXPECT_NE(made.error().message().find("it waited for a prepared transaction (prepared " + holder + "), open for "),
            std::string::npos)
      << made.error().message();
}

TEST_F(WalSwitch, CountsWhatWasCommittedBeforeAndIsStillThere) {
  auto session = open();
  const auto next_transaction = [&] { return session.next_transaction(Deadline::in(kPatience)).value(); };
  const auto left = [&](std::int64_t order, const std::vector<std::string>& kept) {
    const auto counted = session.count_rows_up_to(order, kept, Deadline::in(kPatience));
    return counted ? *counted : -1;
  };
  EXPECT_EQ(left(await_highest_order(session, next_transaction()), {}), 0) << "of an empty table";
  outbox_->insert("a", 1);
  outbox_->insert("a", 2);
  outbox_->execute("VACUUM FREEZE shop.outbox");
  outbox_->insert("a", 3);
  const std::int64_t order = await_highest_order(session, next_transaction());
  outbox_->insert("a", 4);
  // Whoever writes a row later doesn't make it younger than its INSERT.
  outbox_->execute("UPDATE shop.outbox SET type = type WHERE seq = 1");
  outbox_->execute("ALTER TABLE shop.outbox ALTER COLUMN type TYPE varchar(200)");
  EXPECT_EQ(left(order, {}), 3);
  EXPECT_EQ(left(order, {"2"}), 2);
  outbox_->execute("DELETE FROM shop.outbox WHERE seq IN (1, 3)");
  EXPECT_EQ(left(order, {"2"}), 0);
}

// One whose commit waits for a synchronous standby is in the log already, and seen by nobody.
TEST_F(WalSwitch, CountsOnlyOnceWhatMayHaveCommittedBeforeIsSeen) {
  auto session = open();
  store::postgres::SessionSettings as_service;
  as_service.url = Secret(outbox_->url());
  const auto writer = store::postgres::Session::open(as_service, Deadline::in(kPatience));
  ASSERT_TRUE(writer) << writer.error().describe();
  ASSERT_TRUE((*writer)->execute("BEGIN", Deadline::in(kPatience)));
  ASSERT_TRUE((*writer)->execute(WalOutbox::insert_statement("a", 1), Deadline::in(kPatience)));
  const auto next = session.next_transaction(Deadline::in(kPatience));
  ASSERT_TRUE(next) << next.error().describe();
  const auto early = session.find_highest_order(*next, Deadline::in(kPatience));
  ASSERT_TRUE(early) << early.error().describe();
  EXPECT_FALSE(*early) << "the writer still runs";
  ASSERT_TRUE((*writer)->execute("COMMIT", Deadline::in(kPatience)));
  EXPECT_EQ(std::to_string(await_highest_order(session, *next)), outbox_->value("SELECT seq FROM shop.outbox"));
}

// A source that was polled since never begins at a new slot: what is in the table would be passed.
TEST_F(WalSwitch, ASourceThatWasPolledIsReadOnlyFromASlotThatIsThere) {
  outbox_->checkpoints().put("orders", {std::string(kPolledPosition), "", 0});
  WalReader reader(*outbox_);
  const auto opened = reader.open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code().name, "wal.slot_missing");
  EXPECT_EQ(outbox_->value("SELECT count(*) FROM pg_publication"), "0");
  outbox_->create_publication_and_slot();
  outbox_->insert("a", 1);
  ASSERT_TRUE(reader.open());
  EXPECT_EQ(data_of(reader.read(1)), "1");
  EXPECT_NE(outbox_->checkpoints().load("orders").value().value().position, kPolledPosition);
}

TEST_F(WalSwitch, SaysThatARoleMayNotMakeThePublication) {
  const TestRole role(outbox_->url(), "LOGIN REPLICATION");
  role.grant("USAGE ON SCHEMA shop");
  role.grant("SELECT, DELETE ON shop.outbox");
  outbox_->settings().rows.url = role.url();
  {
    auto session = open();
    const auto database = session.look(Deadline::in(kPatience));
    ASSERT_TRUE(database) << database.error().describe();
    const auto steps = wal::steps_to_log(*database, outbox_->settings(), session.server().version);
    ASSERT_TRUE(steps) << steps.error().describe();
    const auto done = session.carry_out(steps->front(), Deadline::in(kPatience));
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().kind(), ErrorKind::kUnauthorized) << done.error().describe();
  }
}

// The log had them all the same; a poll would pass them for good.
TEST_F(WalSwitch, FindsRowsThatAPollWouldNotSee) {
  const TestRole role(outbox_->url(), "LOGIN REPLICATION");
  role.grant("USAGE ON SCHEMA shop");
  role.grant("SELECT, DELETE ON shop.outbox");
  outbox_->settings().rows.url = role.url();
  outbox_->settings().settle = wal::WalSettings::Settle::kDelete;
  const auto polled = wal::settings_polled(outbox_->settings());
  ASSERT_TRUE(polled);
  EXPECT_TRUE(wal::find_hindrances(*polled, Deadline::in(kPatience)).empty());
  outbox_->execute("ALTER TABLE shop.outbox ENABLE ROW LEVEL SECURITY");
  const auto found = wal::find_hindrances(*polled, Deadline::in(kPatience));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_NE(found[0].message.find("may hide rows"), std::string::npos) << found[0].message;
}

}  // namespace
}  // namespace penstock::tests
