#include "tests/integration/torture/late_writers.h"

#include <fmt/format.h>
#include <libpq-fe.h>

#include <memory>
#include <stdexcept>

#include "tests/support/seeded_random.h"

namespace penstock::tests {
namespace {

// Far more than there are writers would be no contest, and far fewer one long queue.
constexpr std::uint64_t kKeys = 96;
constexpr std::uint64_t kLatestMs = 2'000;

constexpr const char* kTables = R"(
CREATE SCHEMA shop;
CREATE TABLE shop.orders (key int PRIMARY KEY, events int NOT NULL DEFAULT 0) WITH (fillfactor = 50);
CREATE TABLE shop.written (id uuid PRIMARY KEY, key int NOT NULL, number int NOT NULL, waited boolean NOT NULL);
)";

constexpr const char* kOutbox = R"(
CREATE TABLE shop.{0} (
  seq           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id            uuid NOT NULL UNIQUE,
  aggregatetype varchar(255) NOT NULL,
  aggregateid   varchar(255) NOT NULL,
  type          varchar(255) NOT NULL,
  payload       jsonb,
  xid           xid8 NOT NULL DEFAULT pg_current_xact_id(),
  state         text NOT NULL DEFAULT 'new',
  created_at    timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX ON shop.{0} (xid, seq);
CREATE INDEX ON shop.{0} (created_at);
)";

constexpr const char* kPlace = R"(
CREATE FUNCTION shop.place(which int, events_wanted int, is_first boolean) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  waited boolean := is_first AND which % 2 = 0;
  event uuid;
  number int;
BEGIN
  IF waited THEN
    PERFORM pg_advisory_xact_lock(which);
  END IF;
  PERFORM FROM shop.orders WHERE key = which FOR UPDATE;
  FOR i IN 1 .. events_wanted LOOP
    UPDATE shop.orders SET events = events + 1 WHERE key = which RETURNING events INTO number;
    event := gen_random_uuid();
    INSERT INTO shop.written VALUES (event, which, number, waited);
    {}
  END LOOP;
END $$;
)";

std::string insert_into(const LateTable& table) {
  const std::string insert =
      "INSERT INTO shop." + table.name +
      " (id, aggregatetype, aggregateid, type, payload) VALUES (event, 'order', which, 'counted', to_jsonb(number));";
  return table.gets == Gets::kEverything ? insert : "IF waited THEN " + insert + " END IF;";
}

class Session {
 public:
  explicit Session(const std::string& url) : connection_(PQconnectdb(url.c_str()), PQfinish) {}

  PGresult* ask(const std::string& sql) {
    result_.reset(PQexec(connection_.get(), sql.c_str()));
    const auto status = PQresultStatus(result_.get());
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
      throw std::runtime_error(sql + ": " + PQerrorMessage(connection_.get()));
    return result_.get();
  }
  void nap(std::uint64_t ms) { ask(fmt::format("SELECT pg_sleep({} * 0.001)", ms)); }

 private:
  std::unique_ptr<PGconn, decltype(&PQfinish)> connection_;
  std::unique_ptr<PGresult, decltype(&PQclear)> result_{nullptr, PQclear};
};

// One service. Throws std::runtime_error with the server's words.
class LateWriter {
 public:
  LateWriter(const std::string& url, std::uint64_t seed, Deadline until, LateWriters::Counts& counts)
      : session_(url), random_(seed), until_(until), counts_(counts) {}

  void transact(std::counting_semaphore<>& may_lie_prepared) {
    session_.ask("BEGIN");
    // In one order, so that writers don't wait for each other in a ring.
    const std::uint64_t first = 1 + random_.below(kKeys), second = first + random_.below(4 * (kKeys - first) + 1);
    place(first, 1 + random_.below(4), "true");
    if (random_.below(4) == 0) nap_now_and_then();
    if (second > first && second <= kKeys) place(second, 1 + random_.below(2), "false");
    if (random_.below(6) == 0) regret_a_part(first);
    nap_now_and_then();
    end(may_lie_prepared);
  }

 private:
  void place(std::uint64_t key, std::uint64_t events, const char* is_first) {
    session_.ask(fmt::format("SELECT shop.place({}, {}, {})", key, events, is_first));
  }
  // Draws numbers that nobody will ever see.
  void regret_a_part(std::uint64_t key) {
    session_.ask("SAVEPOINT doubt");
    place(key, 1 + random_.below(3), "true");
    session_.ask("ROLLBACK TO doubt");
    ++counts_.in_part;
  }
  void nap() {
    if (until_.expired()) return;
    session_.nap(random_.below(kLatestMs));
    ++counts_.late;
  }
  void nap_now_and_then() {
    if (random_.below(3) == 0) nap();
  }
  void end(std::counting_semaphore<>& may_lie_prepared) {
    const bool rolls_back = random_.below(5) == 0;
    if (random_.below(6) == 0 && may_lie_prepared.try_acquire()) {
      const std::string name = "'" + unique_name("late") + "'";
      session_.ask("PREPARE TRANSACTION " + name);
      nap();
      session_.ask((rolls_back ? "ROLLBACK PREPARED " : "COMMIT PREPARED ") + name);
      may_lie_prepared.release();
      ++counts_.prepared;
    } else {
      session_.ask(rolls_back ? "ROLLBACK" : "COMMIT");
    }
    ++(rolls_back ? counts_.rolled_back : counts_.committed);
  }

  Session session_;
  SeededRandom random_;
  const Deadline until_;
  LateWriters::Counts& counts_;
};

}  // namespace

void LateWriters::make_tables(const FreshDatabase& database, const std::vector<LateTable>& tables) {
  std::string sql = kTables, inserts;
  sql += fmt::format("INSERT INTO shop.orders SELECT generate_series(1, {});", kKeys);
  for (const LateTable& table : tables) {
    sql += fmt::format(kOutbox, table.name);
    inserts += insert_into(table);
  }
  database.execute(sql + fmt::format(kPlace, inserts));
}

LateWriters::LateWriters(const FreshDatabase& database, int writers, std::uint64_t seed, Deadline until)
    : url_(database.url()),
      until_(until),
      // Some are left for others who use the server.
      may_lie_prepared_(std::stol(database.value("SHOW max_prepared_transactions")) * 3 / 4),
      writing_(writers) {
  for (int writer = 0; writer < writers; ++writer)
    threads_.emplace_back([this, mine = seed * 131 + static_cast<std::uint64_t>(writer)] { write(mine); });
}

bool LateWriters::over_within(Duration patience) {
  std::unique_lock lock(mutex_);
  return ended_.wait_for(lock, patience, [&] { return writing_ == 0; });
}

std::string LateWriters::trouble() const {
  std::lock_guard lock(mutex_);
  return trouble_;
}

void LateWriters::write(std::uint64_t seed) {
  std::string trouble;
  try {
    LateWriter one(url_, seed, until_, counts_);
    while (!until_.expired()) one.transact(may_lie_prepared_);
  } catch (const std::runtime_error& error) {
    trouble = error.what();
  }
  std::lock_guard lock(mutex_);
  trouble_ += trouble;
  --writing_;
  ended_.notify_all();
}

std::vector<CommittedEvent> LateWriters::read_committed(const FreshDatabase& database, Gets gets) {
  Session session(database.url());
  PGresult* rows = session.ask(fmt::format("SELECT id, key, number FROM shop.written WHERE {} ORDER BY key, number",
                                           gets == Gets::kEverything ? "true" : "waited"));
  std::vector<CommittedEvent> committed;
  for (int row = 0; row < PQntuples(rows); ++row)
    committed.push_back({PQgetvalue(rows, row, 0), PQgetvalue(rows, row, 1), PQgetvalue(rows, row, 2)});
  return committed;
}

}  // namespace penstock::tests
