// One outbox table, polled first, then read from the log, then polled again, while its writers go on: the
// procedure of docs/wal-source.md.
#include <gtest/gtest.h>

#include "tests/e2e/relay_bed.h"

namespace penstock::tests {
namespace {

constexpr std::size_t kWindow = 400;

TEST(Switch, FromPollingToTheLogAndBackLosesNothingUnderLoad) {
  PENSTOCK_NEEDS(Server::kPostgres);
  PENSTOCK_NEEDS(Server::kKafka);
  PENSTOCK_NEEDS(Server::kRabbitMq);
  RelayBed bed({.max_in_flight = kWindow});
  bed.start_load();
  bed.start_relay();
  bed.await_progress(200);

  // The slot has what is committed from here on; what was committed before is polled to its end.
  bed.make_slot();
  const std::string now = bed.database().value("SELECT pg_current_xact_id()::xid");
  ASSERT_TRUE(bed.await_value("SELECT count(*) FROM shop.outbox WHERE age(xmin) > age('" + now + "'::xid)", "0",
                              std::chrono::seconds(20)));
  bed.stop_relay();
  bed.read_outbox(BedSettings::Outbox::kFromLogDeleting);
  bed.start_relay();
  bed.await_progress(400);

  // What is not delivered is still in the table.
  bed.stop_relay();
  bed.read_outbox(BedSettings::Outbox::kPolled);
  bed.drop_slot();
  bed.start_relay();
  bed.await_progress(200);
  const Verdicts verdicts = bed.finish();
  EXPECT_TRUE(verdicts.promise_held()) << verdicts.text() << bed.log_text();
  EXPECT_EQ(verdicts.kafka.all_duplicates() + verdicts.rabbit.all_duplicates(), 0U) << verdicts.text();
}

}  // namespace
}  // namespace penstock::tests
