#include <gtest/gtest.h>

#include <thread>
#include <utility>

#include "store/postgres/session.h"
#include "tests/support/eventually.h"
#include "tests/support/servers.h"

namespace penstock::store::postgres {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using tests::Server;

class SessionTest : public testing::Test {
 protected:
  void SetUp() override {
    PENSTOCK_NEEDS(Server::kPostgres);
    database_ = std::make_unique<tests::FreshDatabase>();
  }

  SessionSettings settings() const {
    SessionSettings settings;
    settings.url = Secret(database_->url());
    settings.application_name = "session-test";
    return settings;
  }

  std::unique_ptr<Session> open(const SessionSettings& with) {
    auto session = Session::open(with, Deadline::in(seconds(10)));
    EXPECT_TRUE(session) << (session ? "" : session.error().describe());
    return session ? std::move(*session) : nullptr;
  }
  std::unique_ptr<Session> open() { return open(settings()); }

  static Deadline soon() { return Deadline::in(seconds(10)); }
  std::unique_ptr<tests::FreshDatabase> database_;
};

TEST_F(SessionTest, HasTheSettingsOfEverySession) {
  auto session = open();
  const std::pair<const char*, const char*> expected[] = {{"application_name", "session-test"},
                                                          {"search_path", "\"\""},
                                                          {"client_encoding", "UTF8"},
                                                          {"TimeZone", "UTC"},
                                                          {"bytea_output", "hex"},
                                                          {"default_transaction_isolation", "read committed"},
                                                          {"synchronous_commit", "on"},
                                                          {"idle_in_transaction_session_timeout", "2s"},
                                                          {"tcp_keepalives_idle", "2"},
                                                          {"tcp_user_timeout", "5000"},
                                                          {"statement_timeout", "10s"},
                                                          {"lock_timeout", "5s"},
                                                          {"idle_session_timeout", "0"}};
  for (const auto& [name, value] : expected) {
    auto rows = session->execute(std::string("SELECT current_setting('") + name + "')", soon());
    ASSERT_TRUE(rows) << rows.error().describe();
    EXPECT_EQ(rows->bytes(0, 0), value) << name;
  }
}

TEST_F(SessionTest, LearnsWhichServerItTalksTo) {
  auto session = open();
  EXPECT_GE(session->server().version, 140'000);
  EXPECT_GT(session->server().pid, 0);
  EXPECT_FALSE(session->server().backend_start.empty());
  EXPECT_FALSE(session->server().system_identifier.empty());
  EXPECT_GE(session->server().timeline, 1);
  EXPECT_EQ(session->server().role, ServerFacts::Role::kPrimary);
}

TEST_F(SessionTest, CarriesEveryParameterTypeThereAndBack) {
  auto session = open();
  const Statement statement{
      "echo", "SELECT $1, $2, $3, $4, $5, $6, $7, $8::text, $9::text[], $10::bytea[], $11::uuid[], $12::int8[], $13"};
  const Timestamp time{std::chrono::microseconds(1'700'000'000'123'456)};
  const auto id = EventId::parse("018f0000-0000-7000-8000-0000000000ff").value();
  using namespace std::string_view_literals;
  Parameters parameters;
  parameters.int8(-7).int4(42).boolean(true).text("a'b\"c").bytea("x\0y"sv).uuid(id).timestamptz(time);
  parameters.words("words")
      .texts(std::vector<std::string>{"p", ""})
      .array(SqlType::kByteaArray, SqlType::kBytea, {"q", std::nullopt});
  parameters.uuids({id}).int8s({1, 2}).real(1.5);
  auto rows = session->run(statement, parameters, soon());
  ASSERT_TRUE(rows) << rows.error().describe();
  EXPECT_EQ(rows->integer(0, 0), -7);
  EXPECT_EQ(rows->integer(0, 1), 42);
  EXPECT_TRUE(rows->boolean(0, 2));
  EXPECT_EQ(rows->bytes(0, 3), "a'b\"c");
  EXPECT_EQ(rows->bytes(0, 4), "x\0y"sv);
  EXPECT_EQ(rows->uuid(0, 5), id);
  EXPECT_EQ(rows->timestamp(0, 6), time);
  EXPECT_EQ(rows->bytes(0, 7), "words");
  EXPECT_EQ(rows->real(0, 12), 1.5);
}

TEST_F(SessionTest, AnswersEachCallOfAPipelineWithItsOwnSnapshot) {
  auto session = open();
  ASSERT_TRUE(session->execute("CREATE TABLE public.t (n int)", soon()));
  const Statement insert{"insert", "INSERT INTO public.t VALUES (1), (2)"};
  const Statement count{"count", "SELECT count(*) FROM public.t"};
  for (int round = 1; round <= 2; ++round) {  // the second time everything is prepared
    const Call calls[] = {{&count, nullptr}, {&insert, nullptr}, {&count, nullptr}};
    auto answers = session->run_pipeline(calls, soon());
    ASSERT_TRUE(answers) << answers.error().describe();
    EXPECT_EQ((*answers)[0].integer(0, 0), 2 * round - 2);
    EXPECT_EQ((*answers)[1].affected(), 2u);
    EXPECT_EQ((*answers)[2].integer(0, 0), 2 * round);
  }
}

TEST_F(SessionTest, RollsAFailedPipelineBackAndStaysUsable) {
  auto session = open();
  ASSERT_TRUE(session->execute("CREATE TABLE public.t (n int PRIMARY KEY)", soon()));
  const Statement insert{"insert", "INSERT INTO public.t VALUES (1)"};
  const Statement after{"after", "SELECT 1"};
  const Call calls[] = {{&insert, nullptr}, {&insert, nullptr}, {&after, nullptr}};
  auto answers = session->run_pipeline(calls, soon());
  ASSERT_FALSE(answers);
  EXPECT_EQ(session->failure().condition, SqlCondition::kUniqueViolation);
  EXPECT_EQ(session->failure().constraint, "t_pkey");
  EXPECT_EQ(session->failure().call, 1u);
  EXPECT_FALSE(session->broken());
  auto rows = session->execute("SELECT count(*) FROM public.t", soon());
  ASSERT_TRUE(rows);
  EXPECT_EQ(rows->integer(0, 0), 0);
  EXPECT_TRUE(session->run(after, {}, soon()));
}

TEST_F(SessionTest, CopiesRowsIn) {
  auto session = open();
  ASSERT_TRUE(session->execute("CREATE TABLE public.t (n int)", soon()));
  int n = 0;
  std::string line;
  const auto next_chunk = [&]() -> std::string_view {
    line = n == 50'000 ? "" : std::to_string(n++) + "\n";
    return line;
  };
  auto copied = session->copy_in("COPY public.t FROM STDIN", next_chunk, soon());
  ASSERT_TRUE(copied) << copied.error().describe();
  EXPECT_EQ(*copied, 50'000u);
}

TEST_F(SessionTest, ReportsRefusedCopyWithoutItsData) {
  auto session = open();
  ASSERT_TRUE(session->execute("CREATE TABLE public.t (n int)", soon()));
  std::string_view data = "secret-words\n";
  auto copied = session->copy_in(
      "COPY public.t FROM STDIN", [&] { return std::exchange(data, ""); }, soon());
  ASSERT_FALSE(copied);
  EXPECT_EQ(session->failure().condition, SqlCondition::kData);
  EXPECT_EQ(copied.error().message().find("secret-words"), std::string::npos) << copied.error().message();
  EXPECT_TRUE(session->execute("SELECT 1", soon()));
}

TEST_F(SessionTest, GivesUpAtTheDeadlineAndEndsTheSession) {
  auto session = open();
  const auto started = std::chrono::steady_clock::now();
  auto rows = session->execute("SELECT pg_sleep(5)", Deadline::in(milliseconds(100)));
  ASSERT_FALSE(rows);
  EXPECT_LT(std::chrono::steady_clock::now() - started, seconds(3));
  EXPECT_EQ(session->failure().condition, SqlCondition::kDeadline);
  EXPECT_TRUE(session->broken());
  auto again = session->execute("SELECT 1", soon());
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code().name, "store.unavailable");
}

TEST_F(SessionTest, StopsWaitingWhenTold) {
  auto session = open();
  std::stop_source stop;
  std::jthread stopper([&] {
    EXPECT_TRUE(tests::eventually([&] {
      return database_->value(
                 "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND"
                 " query LIKE 'SELECT pg_sleep%'") == "1";
    }));
    stop.request_stop();
  });
  auto rows = session->execute("SELECT pg_sleep(20)", Deadline::in(seconds(20)), stop.get_token());
  ASSERT_FALSE(rows);
  EXPECT_EQ(rows.error().code().name, "core.stopped");
}

TEST_F(SessionTest, SaysThatTheBackendWasEnded) {
  auto session = open();
  database_->execute("SELECT pg_terminate_backend(" + std::to_string(session->server().pid) + ")");
  auto rows = session->execute("SELECT 1", soon());
  while (rows) rows = session->execute("SELECT 1", soon());
  EXPECT_EQ(session->failure().condition, SqlCondition::kConnectionLost);
  EXPECT_EQ(rows.error().kind(), ErrorKind::kUnavailable);
  EXPECT_TRUE(session->broken());
}

TEST_F(SessionTest, WaitsForNotifications) {
  auto session = open();
  ASSERT_TRUE(session->execute("LISTEN penstock_test", soon()));
  auto none = session->wait_notified(Deadline::in(milliseconds(20)));
  ASSERT_TRUE(none);
  EXPECT_TRUE(none->empty());
  database_->execute("NOTIFY penstock_test");
  auto one = session->wait_notified(soon());
  ASSERT_TRUE(one);
  EXPECT_EQ(*one, std::vector<std::string>{"penstock_test"});
  EXPECT_TRUE(session->execute("SELECT 1", soon()));
}

TEST_F(SessionTest, AStopEndsTheWaitForNotificationsAndKeepsTheSession) {
  auto session = open();
  std::stop_source stop;
  stop.request_stop();
  auto none = session->wait_notified(soon(), stop.get_token());
  ASSERT_TRUE(none);
  EXPECT_TRUE(none->empty());
  EXPECT_TRUE(session->execute("SELECT 1", soon()));
}

TEST_F(SessionTest, LooksWhileAStatementIsSlow) {
  auto session = open();
  int looks = 0;
  session->watch_slow({milliseconds(50), milliseconds(50), [&] { ++looks; }});
  EXPECT_TRUE(session->execute("SELECT pg_sleep(0.4)", soon()));
  EXPECT_GE(looks, 2);
}

TEST_F(SessionTest, ReadsTheSqlstateOfARefusedConnection) {
  SessionSettings wrong = settings();
  wrong.url = Secret(database_->url() + "-absent");
  auto session = Session::open(wrong, soon());
  ASSERT_FALSE(session);
  EXPECT_NE(session.error().message().find("3D000"), std::string::npos) << session.error().message();
}

TEST_F(SessionTest, NamesNoSecretsWhenTheServerIsAway) {
  SessionSettings wrong = settings();
  wrong.url = Secret("postgresql://someone:hunter2@127.0.0.1:1/nowhere");
  auto session = Session::open(wrong, soon());
  ASSERT_FALSE(session);
  EXPECT_EQ(session.error().code().name, "store.unavailable");
  EXPECT_EQ(session.error().message().find("hunter2"), std::string::npos) << session.error().message();
}

TEST_F(SessionTest, RefusesAUrlThatDoesNotParseWithoutQuotingIt) {
  SessionSettings wrong = settings();
  wrong.url = Secret("postgresql://someone:hunter2@host:port:hunter2/nowhere");
  auto session = Session::open(wrong, soon());
  ASSERT_FALSE(session);
  EXPECT_EQ(session.error().message().find("hunter2"), std::string::npos) << session.error().message();
}

TEST_F(SessionTest, QuotesIdentifiersAndLiterals) {
  auto session = open();
  auto rows =
      session->execute("SELECT " + quote_literal("it's \\ \"x\"") + " AS " + quote_identifier("a\"b c"), soon());
  ASSERT_TRUE(rows) << rows.error().describe();
  EXPECT_EQ(rows->bytes(0, 0), "it's \\ \"x\"");
  EXPECT_EQ(rows->column_name(0), "a\"b c");
}

}  // namespace
}  // namespace penstock::store::postgres
