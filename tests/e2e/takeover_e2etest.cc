// Two instances of one configuration: one drives, the other stands by and takes over.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>

#include "tests/e2e/relay_bed.h"

namespace penstock::tests {
namespace {

constexpr std::size_t kWindow = 400;

class Takeover : public ::testing::Test {
 protected:
  void SetUp() override {
    PENSTOCK_NEEDS(Server::kPostgres);
    PENSTOCK_NEEDS(Server::kKafka);
    PENSTOCK_NEEDS(Server::kRabbitMq);
  }

  // Both run, and the second stands by on all three routes.
  void start_pair(RelayBed& bed) {
    bed.start_load();
    bed.start_relay();
    bed.await_progress(200);
    first_owner_ = bed.database().value("select min(owner) from penstock.leases");
    other_ = bed.make_other_instance();
    ASSERT_TRUE(other_->start());
    ASSERT_TRUE(
        bed.await_value("select count(*) from penstock.route_state where phase = 'standby' "
                        "and updated_at > now() - interval '10 s'",
                        "3", std::chrono::seconds(20)))
        << bed.log_text();
  }

  // How long it takes from now on until the other instance drives all routes and something got into the store. The
  // bound is a deadline, the figure is what is printed.
  void await_takeover(RelayBed& bed, const char* from, std::chrono::seconds patience) {
    const auto begun = std::chrono::steady_clock::now();
    ASSERT_TRUE(bed.await_value("select count(*) from penstock.leases where owner not in ('', '" + first_owner_ + "')",
                                "3", patience))
        << bed.log_text();
    bed.await_progress(1, patience);
    const auto took = std::chrono::steady_clock::now() - begun;
    fmt::print("takeover from {}: {} ms\n", from, std::chrono::duration_cast<std::chrono::milliseconds>(took).count());
  }

  // The first instance runs again, or is heard again: it stands by and says so, and has written no checkpoint since.
  void await_first_standing_by(RelayBed& bed) const {
    ASSERT_TRUE(bed.await_value("select count(*) from penstock.route_state where phase = 'standby' and instance = '" +
                                    first_owner_ + "' and updated_at > now() - interval '4 s'",
                                "3", std::chrono::seconds(30)))
        << bed.log_text();
    EXPECT_NE(bed.log_text().find("stands by: the lease route/orders-in is held by"), std::string::npos)
        << bed.log_text();
    EXPECT_EQ(bed.database().value("select count(*) from penstock.leases where owner = '" + first_owner_ + "'"), "0");
    EXPECT_EQ(bed.database().value("select count(*) from penstock.checkpoints c join penstock.leases l"
                                   " on l.name = 'route/' || c.route where c.epoch <> l.epoch"),
              "0")
        << "a checkpoint was written under the former lease";
  }

  // From now on the database writes down whose session deletes rows of the outbox.
  static void watch_deletes(RelayBed& bed) {
    bed.database().execute(
        "create table shop.deletes (number bigserial, application text not null, rows bigint not null);"
        "create function shop.note_deletes() returns trigger language plpgsql as $$ begin"
        " insert into shop.deletes (application, rows) select current_setting('application_name'), count(*) from gone"
        " having count(*) > 0; return null; end $$;"
        "create trigger note_deletes after delete on shop.outbox referencing old table as gone"
        " for each statement execute function shop.note_deletes()");
  }

  // Both deleted what they had settled, but the first none once the other one had begun.
  void expect_no_delete_by_the_first_since(RelayBed& bed) const {
    const auto by = [&](const std::string& what) {
      return bed.database().value("select " + what + " from shop.deletes d where d.application like '% " +
                                  first_owner_ + "'");
    };
    EXPECT_NE(by("count(*)"), "0");
    const std::string begun = bed.database().value(
        "select coalesce(min(d.number), 0) from shop.deletes d where d.application not like '% " + first_owner_ + "'");
    EXPECT_NE(begun, "0") << "the other instance has deleted nothing";
    EXPECT_EQ(by("count(*) filter (where d.number > " + begun + ")"), "0") << "a delete by an owner that was fenced";
  }

  static void judge_within_a_window(RelayBed& bed) {
    const Verdicts verdicts = bed.finish();
    EXPECT_TRUE(verdicts.promise_held()) << verdicts.text() << bed.log_text();
    EXPECT_LE(verdicts.kafka.all_duplicates(), kWindow) << verdicts.text();
    EXPECT_LE(verdicts.rabbit.all_duplicates(), kWindow) << verdicts.text();
  }

  std::unique_ptr<cli::RelayProcess> other_;
  std::string first_owner_;
};

TEST_F(Takeover, FollowsAKillWithinSeconds) {
  RelayBed bed({.max_in_flight = kWindow});
  start_pair(bed);
  bed.relay().kill();
  await_takeover(bed, "SIGKILL (aim: 2 s)", std::chrono::seconds(20));
  judge_within_a_window(bed);
}

TEST_F(Takeover, FollowsAnOrderlyStopWithoutADuplicate) {
  RelayBed bed({.max_in_flight = kWindow});
  start_pair(bed);
  ASSERT_TRUE(bed.relay().terminate(Deadline::in(std::chrono::seconds(15))));
  await_takeover(bed, "SIGTERM, behind the drain (aim: 1 s)", std::chrono::seconds(20));
  const Verdicts verdicts = bed.finish();
  EXPECT_TRUE(verdicts.promise_held()) << verdicts.text() << bed.log_text();
  EXPECT_EQ(verdicts.kafka.all_duplicates() + verdicts.rabbit.all_duplicates(), 0U) << verdicts.text();
}

TEST_F(Takeover, FollowsALinkThatWentSilentAndFencesWhoComesBack) {
  RelayBed bed({.max_in_flight = kWindow, .link = BedSettings::Link::kGated});
  start_pair(bed);
  watch_deletes(bed);
  bed.await_progress(200);
  bed.gate().hold();
  await_takeover(bed, "a half-open link (aim: 7 s)", std::chrono::seconds(40));
  bed.gate().release();
  await_first_standing_by(bed);
  judge_within_a_window(bed);
  expect_no_delete_by_the_first_since(bed);
}

// Pitfall "lease expiry while publishing".
TEST_F(Takeover, FollowsAPauseAndFencesWhoWakesUp) {
  RelayBed bed({.max_in_flight = kWindow});
  start_pair(bed);
  watch_deletes(bed);
  bed.await_progress(200);
  ASSERT_EQ(::kill(bed.relay().pid(), SIGSTOP), 0);
  await_takeover(bed, "SIGSTOP (aim: 10 s)", std::chrono::seconds(40));
  ASSERT_EQ(::kill(bed.relay().pid(), SIGCONT), 0);
  await_first_standing_by(bed);
  judge_within_a_window(bed);
  expect_no_delete_by_the_first_since(bed);
}

}  // namespace
}  // namespace penstock::tests
