#include "connectors/outbox/demo/demo_orders.h"

#include <sqlite3.h>

namespace penstock::outbox {
namespace {

constexpr const char* kSchema = R"(
pragma journal_mode = wal;
create table orders (number text primary key, amount integer not null);
create table outbox (
  seq           integer primary key autoincrement,
  id            text not null,
  aggregatetype text not null,
  aggregateid   text not null,
  type          text not null,
  payload       text
);
)";

constexpr const char* kChangeOrder =
    "insert into orders (number, amount) values (?1, ?2) on conflict (number) do update set amount = amount + ?2";
constexpr const char* kAddEvent =
    "insert into outbox (id, aggregatetype, aggregateid, type, payload) values (?1, 'order', ?2, ?3, ?4)";

struct Finalize {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Statement = std::unique_ptr<sqlite3_stmt, Finalize>;

}  // namespace

struct DemoOrders::Database {
  sqlite3* handle = nullptr;
  Statement change_order, add_event;

  ~Database() {
    change_order.reset();
    add_event.reset();
    sqlite3_close(handle);
  }

  Status failed(const char* what) const {
    return fail(codes::kOutboxUnavailable, std::string("demo orders: ") + what + ": " + sqlite3_errmsg(handle));
  }

  Status run(const char* sql) {
    if (sqlite3_exec(handle, sql, nullptr, nullptr, nullptr) != SQLITE_OK) return failed("running a statement");
    return {};
  }

  Result<Statement> prepare(const char* sql) {
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v2(handle, sql, -1, &statement, nullptr) != SQLITE_OK) {
      return fail(failed("preparing a statement").error());
    }
    return Statement(statement);
  }

  Status step(sqlite3_stmt* statement) {
    const int outcome = sqlite3_step(statement);
    sqlite3_reset(statement);
    if (outcome != SQLITE_DONE) return failed("writing an order");
    return {};
  }

  static void bind(sqlite3_stmt* statement, int index, const std::string& text) {
    sqlite3_bind_text(statement, index, text.data(), static_cast<int>(text.size()), SQLITE_TRANSIENT);
  }

  Status write(const DemoOrderEvent& event) {
    bind(change_order.get(), 1, event.order);
    sqlite3_bind_int(change_order.get(), 2, event.amount);
    if (Status changed = step(change_order.get()); !changed) return changed;
    bind(add_event.get(), 1, event.id.to_string());
    bind(add_event.get(), 2, event.order);
    bind(add_event.get(), 3, event.type);
    bind(add_event.get(), 4, event.payload);
    return step(add_event.get());
  }
};

DemoOrders::DemoOrders(std::unique_ptr<Database> database) : database_(std::move(database)) {}
DemoOrders::~DemoOrders() = default;

Result<std::unique_ptr<DemoOrders>> DemoOrders::create(const std::string& path) {
  auto database = std::make_unique<Database>();
  if (sqlite3_open_v2(path.c_str(), &database->handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr) !=
      SQLITE_OK) {
    return fail(database->failed("creating the database").error());
  }
  sqlite3_busy_timeout(database->handle, 10'000);
  if (Status made = database->run(kSchema); !made) return fail(std::move(made.error()));
  for (auto [statement, sql] : {std::pair{&database->change_order, kChangeOrder}, {&database->add_event, kAddEvent}}) {
    Result<Statement> prepared = database->prepare(sql);
    if (!prepared) return fail(std::move(prepared.error()));
    *statement = std::move(*prepared);
  }
  return std::unique_ptr<DemoOrders>(new DemoOrders(std::move(database)));
}

Status DemoOrders::write(std::span<const DemoOrderEvent> events, Ending ending) {
  if (Status begun = database_->run("begin immediate"); !begun) return begun;
  for (const DemoOrderEvent& event : events) {
    if (Status written = database_->write(event); !written) {
      const Status undone = database_->run("rollback");
      return undone ? written : undone;
    }
  }
  return database_->run(ending == Ending::kCommit ? "commit" : "rollback");
}

}  // namespace penstock::outbox
