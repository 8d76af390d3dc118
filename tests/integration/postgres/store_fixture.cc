#include "tests/integration/postgres/store_fixture.h"

#include <future>

#include "core/random.h"

namespace penstock::store::postgres {

void StoreFixture::SetUp() {
  PENSTOCK_NEEDS(tests::Server::kPostgres);
  database_ = std::make_unique<tests::FreshDatabase>();
}

std::unique_ptr<Store> StoreFixture::open(StoreSettings settings, const std::string& instance) {
  if (settings.url.empty()) settings.url = Secret(url());
  auto store = make_postgres_store(std::move(settings), instance, log_);
  EXPECT_TRUE(store) << (store ? "" : store.error().describe());
  return store ? std::move(*store) : nullptr;
}

std::unique_ptr<Store> StoreFixture::open_migrated() {
  auto store = open();
  const Status migrated = store->migrate();
  EXPECT_TRUE(migrated) << (migrated ? "" : migrated.error().describe());
  return store;
}

std::unique_ptr<Session> StoreFixture::session() {
  SessionSettings settings;
  settings.url = Secret(url());
  settings.application_name = "somebody else";
  auto opened = Session::open(settings, soon());
  EXPECT_TRUE(opened) << (opened ? "" : opened.error().describe());
  return opened ? std::move(*opened) : nullptr;
}

EventRef StoreFixture::event(std::string_view stream, std::string_view metadata) {
  static SystemRandom random;
  Event event;
  event.id = make_event_id(SystemClock(), random);
  event.stream = stream;
  event.category = default_category(stream);
  event.type = "placed";
  event.data = R"({"total":1})";
  event.metadata = metadata;
  return make_event(event);
}

AppendRequest StoreFixture::request(std::string_view stream, std::size_t events) {
  AppendRequest request;
  for (std::size_t i = 0; i < events; ++i) request.events.push_back(event(stream));
  return request;
}

std::vector<std::string> StoreFixture::append_all(Store& store, std::vector<AppendRequest> requests) {
  std::vector<std::promise<std::string>> answers(requests.size());
  store.events().append_many(std::move(requests), soon(), [&](std::size_t index, Result<AppendReceipt> answer) {
    answers[index].set_value(code_of(answer));
  });
  std::vector<std::string> codes;
  for (auto& answer : answers) codes.push_back(answer.get_future().get());
  return codes;
}

void StoreFixture::wait_for(const std::string& sql, const std::string& expected) {
  const Deadline deadline = soon();
  while (value(sql) != expected) ASSERT_FALSE(deadline.expired()) << sql << " never answered " << expected;
}

void StoreFixture::expect_sound_log() {
  EXPECT_EQ(value("SELECT count(*) - coalesce(max(position), 0) FROM penstock.events"), "0");
  EXPECT_EQ(value("SELECT max(position) - (SELECT position FROM penstock.head) FROM penstock.events"), "0");
  EXPECT_EQ(value("SELECT count(*) FROM (SELECT version, row_number() OVER (PARTITION BY stream ORDER BY position) - 1"
                  " AS expected FROM penstock.events) e WHERE version <> expected"),
            "0");
  EXPECT_EQ(value("SELECT count(*) FROM penstock.streams s WHERE s.version <>"
                  " (SELECT max(e.version) FROM penstock.events e WHERE e.stream = s.name)"),
            "0");
  EXPECT_EQ(value("SELECT count(*) FROM (SELECT recorded_at < lag(recorded_at) OVER (ORDER BY position) AS back"
                  " FROM penstock.events) e WHERE back"),
            "0");
}

}  // namespace penstock::store::postgres
