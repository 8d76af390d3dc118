#include "tests/e2e/order_writer.h"

#include <fmt/format.h>
#include <libpq-fe.h>

#include <memory>
#include <random>
#include <stdexcept>

#include "core/clock.h"
#include "core/ids.h"

namespace penstock::tests {
namespace {

using std::chrono::milliseconds;

constexpr const char* kTables = R"(
create schema shop;
create table shop.outbox (
  seq           bigint generated always as identity primary key,
  id            uuid not null,
  aggregatetype text not null,
  aggregateid   text not null,
  type          text not null,
  payload       json
);
create table shop.written (id uuid primary key, key text not null, number bigint not null, payload text not null);
)";

constexpr const char* kAddOutbox =
    "insert into shop.outbox (id, aggregatetype, aggregateid, type, payload) values ($1, 'order', $2, 'OrderChanged', "
    "$3)";
constexpr const char* kAddWritten = "insert into shop.written (id, key, number, payload) values ($1, $2, $3, $4)";

struct FinishConnection {
  void operator()(PGconn* connection) const { PQfinish(connection); }
};
struct ClearResult {
  void operator()(PGresult* result) const { PQclear(result); }
};
using Rows = std::unique_ptr<PGresult, ClearResult>;

// A session that is opened again when the server comes back.
class Session {
 public:
  explicit Session(std::string url) : url_(std::move(url)) {}

  bool open() {
    connection_.reset(PQconnectdb(url_.c_str()));
    return PQstatus(connection_.get()) == CONNECTION_OK;
  }

  // Null when it failed for whatever reason.
  Rows run(const char* sql, std::initializer_list<const char*> parameters = {}) {
    Rows rows(PQexecParams(connection_.get(), sql, static_cast<int>(parameters.size()), nullptr, std::data(parameters),
                           nullptr, nullptr, 0));
    const ExecStatusType status = PQresultStatus(rows.get());
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) rows.reset();
    return rows;
  }

  std::string words() const { return PQerrorMessage(connection_.get()); }
  PGconn* handle() { return connection_.get(); }

 private:
  std::string url_;
  std::unique_ptr<PGconn, FinishConnection> connection_;
};

struct Draft {
  std::string id, key, number, payload;
};

// One thread of the writer: owns some keys and their counters.
class Clerk {
 public:
  Clerk(const WriterSettings& settings, int thread)
      : settings_(settings),
        thread_(thread),
        random_(settings.seed * 31 + static_cast<std::uint64_t>(thread)),
        next_number_(static_cast<std::size_t>(settings.keys_per_thread)),
        session_(settings.url) {}

  enum class Outcome { kCommitted, kRolledBack, kFailed };

  // One transaction; afterwards it is known whether it was committed.
  std::pair<Outcome, std::size_t> transact(const std::stop_token& stop) {
    if (!connected_ && !(connected_ = session_.open())) {
      std::this_thread::sleep_for(milliseconds(20));
      return {Outcome::kFailed, 0};
    }
    const std::vector<Draft> drafts = make_drafts();
    const bool regret = below(10) == 0;
    Outcome outcome = write(drafts, regret);
    if (outcome == Outcome::kFailed && !regret) outcome = look_back(drafts, stop);
    if (outcome == Outcome::kCommitted) next_number_ = drafted_;
    return {outcome, drafts.size()};
  }

 private:
  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }

  std::vector<Draft> make_drafts() {
    std::vector<Draft> drafts(1 + below(4));
    drafted_ = next_number_;
    for (Draft& draft : drafts) {
      const std::size_t key = below(next_number_.size());
      draft.id = make_id();
      draft.key = fmt::format("{}-{}", thread_, key);
      draft.number = std::to_string(drafted_[key]++);
      // White space, escapes and numbers that a parser would write differently.
      draft.payload = fmt::format(R"({{ "key": "{}",  "number": {}, "price": 1.10, "note": "z\u00fcrich {}" }})",
                                  draft.key, draft.number, std::string(below(200), 'x'));
    }
    return drafts;
  }

  std::string make_id() {
    std::array<std::uint8_t, 16> bytes{};
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random_());
    return EventId(bytes).to_string();
  }

  Outcome write(const std::vector<Draft>& drafts, bool regret) {
    bool fine = session_.run("begin") != nullptr;
    for (const Draft& draft : drafts) {
      fine = fine && session_.run(kAddOutbox, {draft.id.c_str(), draft.key.c_str(), draft.payload.c_str()});
      fine = fine && session_.run(kAddWritten,
                                  {draft.id.c_str(), draft.key.c_str(), draft.number.c_str(), draft.payload.c_str()});
    }
    linger();
    if (settings_.prepared == WriterSettings::Prepared::kSometimes && below(12) == 0)
      fine = fine && end_prepared(regret);
    else
      fine = fine && session_.run(regret ? "rollback" : "commit");
    if (fine) return regret ? Outcome::kRolledBack : Outcome::kCommitted;
    connected_ = false;
    return Outcome::kFailed;
  }

  void linger() {
    if (below(8) != 0) return;
    const auto latest = static_cast<std::uint64_t>(settings_.latest_commit.count());
    std::this_thread::sleep_for(milliseconds(below(latest)));
  }

  bool end_prepared(bool regret) {
    const std::string name = "'" + make_id() + "'";
    if (!session_.run(("prepare transaction " + name).c_str())) return false;
    linger();
    return session_.run(((regret ? "rollback prepared " : "commit prepared ") + name).c_str()) != nullptr;
  }

  // After a lost connection: the server has ended the old session once it accepts a new one after a crash. Without an
  // answer before the end of the run nothing more is written, so nothing depends on it.
  Outcome look_back(const std::vector<Draft>& drafts, const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      if (session_.open()) {
        const Rows rows = session_.run("select 1 from shop.written where id = $1", {drafts.front().id.c_str()});
        if (rows) {
          connected_ = true;
          return PQntuples(rows.get()) == 1 ? Outcome::kCommitted : Outcome::kRolledBack;
        }
      }
      std::this_thread::sleep_for(milliseconds(20));
    }
    return Outcome::kFailed;
  }

  const WriterSettings& settings_;
  int thread_;
  std::mt19937_64 random_;
  std::vector<std::uint64_t> next_number_, drafted_;
  Session session_;
  bool connected_ = false;
};

}  // namespace

void OrderWriter::make_tables(const std::string& url) {
  Session session(url);
  if (!session.open()) throw std::runtime_error(session.words());
  const Rows made(PQexec(session.handle(), kTables));
  if (PQresultStatus(made.get()) != PGRES_COMMAND_OK) throw std::runtime_error(session.words());
}

OrderWriter::OrderWriter(WriterSettings settings) : settings_(std::move(settings)) {
  for (int thread = 0; thread < settings_.threads; ++thread) {
    threads_.emplace_back([this, thread](const std::stop_token& stop) { write(thread, stop); });
  }
}

OrderWriter::~OrderWriter() { stop(); }

void OrderWriter::stop() {
  for (std::jthread& thread : threads_) thread.request_stop();
  threads_.clear();
}

void OrderWriter::write(int thread, const std::stop_token& stop) {
  Clerk clerk(settings_, thread);
  auto next = std::chrono::steady_clock::now();
  while (!stop.stop_requested()) {
    const auto [outcome, events] = clerk.transact(stop);
    if (outcome == Clerk::Outcome::kCommitted) committed_ += events;
    if (outcome == Clerk::Outcome::kRolledBack) rolled_back_ += events;
    // Time that was lost to a fault is not made up for: the load stays even.
    next = std::max(next + settings_.between_transactions, std::chrono::steady_clock::now());
    std::this_thread::sleep_until(next);
  }
}

std::vector<CommittedEvent> OrderWriter::read_committed(const std::string& url) {
  Session session(url);
  if (!session.open()) throw std::runtime_error(session.words());
  const Rows rows = session.run("select id::text, key, payload from shop.written order by key, number");
  if (!rows) throw std::runtime_error(session.words());
  std::vector<CommittedEvent> committed;
  for (int row = 0; row < PQntuples(rows.get()); ++row) {
    committed.push_back(
        {PQgetvalue(rows.get(), row, 0), PQgetvalue(rows.get(), row, 1), PQgetvalue(rows.get(), row, 2)});
  }
  return committed;
}

}  // namespace penstock::tests
