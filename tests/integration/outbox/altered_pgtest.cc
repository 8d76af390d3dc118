// A table that somebody alters while a source reads it, so that rows would be missed without an error of the server.
#include <gmock/gmock.h>

#include "connectors/outbox/tracked_table.h"
#include "tests/integration/outbox/outbox_fixture.h"
#include "tests/support/manual_clock.h"
#include "tests/support/test_role.h"

namespace penstock::tests {
namespace {

using namespace std::chrono_literals;
using testing::AnyOf;
using testing::HasSubstr;

class OutboxAltered : public OutboxTest, public testing::WithParamInterface<std::string> {
 protected:
  void SetUp() override {
    OutboxTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    use(", published text");
    outbox().execute("ALTER TABLE shop.outbox ALTER id SET NOT NULL, ADD UNIQUE (id)");
    if (GetParam() == "delete") outbox().settings().policy = outbox::DeleteRows{};
    if (GetParam() == "mark") outbox().settings().policy = outbox::MarkRows{"published", "1"};
    if (GetParam() == "cursor") outbox().settings().policy = outbox::KeepRows{};
    if (GetParam() != "track") return;
    outbox().settings().policy = outbox::TrackRows{};
    outbox().execute(outbox::create_settled_table_statement(outbox().settings(), "uuid"));
  }

  bool tracks() const { return GetParam() == "track"; }

  // Whole scans are due as the clock says.
  std::unique_ptr<connectors::Source> open_at(const Clock& clock) {
    auto source = outbox::make_outbox_source(outbox().settings(), outbox().make_table(), outbox().checkpoints(),
                                             outbox().gaps(), outbox().surroundings_at(clock));
    EXPECT_TRUE(source->open({}, Deadline::in(10s), {}));
    return source;
  }
  static void deliver(connectors::Source& source, const std::string& data) {
    const auto items = read_until(source, 1);
    ASSERT_EQ(data_of(items), data);
    ASSERT_TRUE(source.settle(items.back().mark));
  }
  // Once the next look at the whole table is due.
  static std::string message_of_read(connectors::Source& source, ManualClock& clock) {
    clock.advance(3s);
    const auto batch = source.read(kMuchRoom, Deadline::in(1s), {});
    return batch ? "read " + data_of(batch->items) : batch.error().message();
  }

  void reads_behind(const std::string& rotation) {
    ManualClock clock;
    auto source = open_at(clock);
    for (int number = 1; number <= 3; ++number) {
      outbox().insert("a", number);
      deliver(*source, std::to_string(number));
    }
    outbox().execute("BEGIN; " + rotation + "; COMMIT");
    outbox().insert("a", 4);
    // A cursor may have asked the sequence that went with the table.
    EXPECT_THAT(message_of_read(*source, clock),
                AnyOf(HasSubstr("another table has got its name"), HasSubstr("outbox_seq_seq\" does not exist")));
    if (GetParam() == "cursor") {
      EXPECT_EQ(code_of(try_open()), "outbox.checkpoint_foreign");
      outbox().gaps().acknowledge_all();
    }
    EXPECT_EQ(data_of(read_until(*open_at(clock), 1)), "4");
  }
};

// Pitfall: "Stalled but healthy".
TEST_P(OutboxAltered, SaysThatRowsMayBeHiddenUntilTheyAreShown) {
  const TestRole role(outbox().url());
  role.grant("USAGE ON SCHEMA shop");
  role.grant("ALL ON ALL TABLES IN SCHEMA shop");
  role.grant("SELECT ON SEQUENCE shop.outbox_seq_seq");
  outbox().settings().url = role.url();
  ManualClock clock;
  auto source = open_at(clock);
  outbox().insert("a", 1);
  deliver(*source, "1");

  outbox().execute("ALTER TABLE shop.outbox ENABLE ROW LEVEL SECURITY");
  outbox().insert("a", 2);
  EXPECT_THAT(message_of_read(*source, clock), HasSubstr("row level security of table shop.outbox may hide rows"));
  const Status opened = try_open();
  ASSERT_EQ(code_of(opened), "outbox.unauthorized") << "which stands until it is mended";

  const std::string& message = opened.error().message();
  outbox().execute(message.substr(message.find("CREATE POLICY")));
  EXPECT_EQ(data_of(read_until(*open_at(clock), 1)), "2");
}

// A table that is rotated: its rows have other numbers, its writers' locks are on another oid.
TEST_P(OutboxAltered, ReadsATableThatGotTheNameOfTheOneThatItOpened) {
  reads_behind("ALTER TABLE shop.outbox RENAME TO former; CREATE TABLE shop.outbox (LIKE shop.former INCLUDING ALL)");
}

TEST_P(OutboxAltered, ReadsATableThatWasMadeAnew) {
  reads_behind(
      "CREATE TABLE shop.anew (LIKE shop.outbox INCLUDING ALL); DROP TABLE shop.outbox; ALTER TABLE shop.anew RENAME TO"
      " outbox");
}

// Whose number or id isn't their own is passed, and is another's duplicate to who delivers it.
TEST_P(OutboxAltered, SaysThatRowsAreNoLongerToldApart) {
  const std::string key = tracks() ? "id" : "seq";
  outbox().execute(
      "ALTER TABLE shop.outbox DROP CONSTRAINT outbox_pkey, DROP CONSTRAINT outbox_id_key;"
      " CREATE UNIQUE INDEX told_apart ON shop.outbox (" +
      key + "); CREATE INDEX ON shop.outbox (seq)");
  ManualClock clock;
  auto source = open_at(clock);
  outbox().insert("a", 1);
  deliver(*source, "1");
  outbox().execute("DROP INDEX shop.told_apart");
  const std::string message = message_of_read(*source, clock);
  if (!tracks() && GetParam() != "cursor") {
    EXPECT_EQ(message, "read ") << "rows are settled by number and id";
    return;
  }
  ASSERT_THAT(message, HasSubstr("`" + key + "` must be unique"));
  EXPECT_NE(code_of(try_open()), "ok") << "which stands until it is mended";
  outbox().execute(message.substr(message.find("CREATE UNIQUE INDEX")));
  outbox().insert("a", 2);
  EXPECT_EQ(data_of(read_until(*open_at(clock), 1)), "2");
}

// A row without a number is never read, and one without an id never remembered.
TEST_P(OutboxAltered, SaysThatRowsMayComeWithoutWhatTheyAreReadBy) {
  const std::string key = tracks() ? "id" : "seq";
  outbox().execute(
      "ALTER TABLE shop.outbox DROP CONSTRAINT outbox_pkey, DROP CONSTRAINT outbox_id_key,"
      " ALTER seq DROP IDENTITY, ADD UNIQUE (id), ADD UNIQUE (seq)");
  ManualClock clock;
  auto source = open_at(clock);
  outbox().execute("ALTER TABLE shop.outbox ALTER " + key + " DROP NOT NULL");
  const std::string message = message_of_read(*source, clock);
  ASSERT_THAT(message, HasSubstr("`" + key + "` may be NULL"));
  outbox().execute(message.substr(message.find("ALTER TABLE")));
  EXPECT_EQ(code_of(try_open()), "ok");
}

INSTANTIATE_TEST_SUITE_P(Policy, OutboxAltered, testing::Values("delete", "mark", "cursor", "track"),
                         [](const auto& policy) { return policy.param; });

}  // namespace
}  // namespace penstock::tests
