#include "connectors/outbox/cursor_place.h"
#include "connectors/outbox/tracked_table.h"
#include "tests/contract/source/source_contract.h"
#include "tests/support/postgres_outbox.h"

namespace penstock::tests {
namespace {

class Postgres final : public SourceTable {
 public:
  std::unique_ptr<connectors::Source> make_source() override { return outbox_.make_source(); }
  void write(std::string_view key, int number) override { outbox_.insert(key, number); }
  bool write_malformed() override { return outbox_.insert("a", 0, ""), true; }
  std::size_t unsettled() override { return outbox_.rows(); }

 private:
  PostgresOutbox outbox_{", tenant text DEFAULT 'acme', at timestamptz DEFAULT now()"};
};

PENSTOCK_RUN_SOURCE_CONTRACT((SourceTableKind{"OutboxPostgres", [] { return std::make_unique<Postgres>(); },
                                              [] { return reason_missing(Server::kPostgres); }}));

// A table that keeps its rows and says of each whether it is settled.
class PostgresMarked final : public SourceTable {
 public:
  PostgresMarked() { outbox_.settings().policy = outbox::MarkRows{"published", "1"}; }
  std::unique_ptr<connectors::Source> make_source() override { return outbox_.make_source(); }
  void write(std::string_view key, int number) override { outbox_.insert(key, number); }
  bool write_malformed() override { return outbox_.insert("a", 0, ""), true; }
  std::size_t unsettled() override {
    return std::stoul(outbox_.value("SELECT count(*) FROM shop.outbox WHERE published = 0"));
  }

 private:
  PostgresOutbox outbox_{", published smallint NOT NULL DEFAULT 0"};
};

PENSTOCK_RUN_SOURCE_CONTRACT_AS(OutboxPostgresMarked,
                                (SourceTableKind{"Marked", [] { return std::make_unique<PostgresMarked>(); },
                                                 [] { return reason_missing(Server::kPostgres); }}));

// A table that stays as it is, with a checkpoint in the store.
class PostgresKept final : public SourceTable {
 public:
  explicit PostgresKept(outbox::KeepRows::Guard guard) : guard_(guard) {
    outbox_.settings().policy = outbox::KeepRows{guard, "xid"};
  }
  std::unique_ptr<connectors::Source> make_source() override { return outbox_.make_source(); }
  void write(std::string_view key, int number) override {
    outbox_.insert(key, number);
    await_older_transactions();
  }
  bool write_malformed() override {
    outbox_.insert("a", 0, "");
    await_older_transactions();
    return true;
  }
  std::size_t unsettled() override {
    const std::string position = outbox_.checkpoints().position("orders");
    std::string unsettled = position.empty() ? "true" : "false";
    if (const auto ranges = outbox::parse_ranges(position))
      for (const auto& range : *ranges)
        unsettled += " OR seq BETWEEN " + std::to_string(range.first) + " AND " + std::to_string(range.last);
    if (const auto place = outbox::parse_xid_place(position))
      unsettled = "(xid, seq) > ('" + std::to_string(place->xid) + "'::xid8, " + std::to_string(place->number) + ")";
    return std::stoul(outbox_.value("SELECT count(*) FROM shop.outbox WHERE " + unsettled));
  }

 private:
  // With guard "xid" a row is held back by every older transaction of the server, other tests' too.
  void await_older_transactions() {
    if (guard_ != outbox::KeepRows::Guard::kXid) return;
    outbox_.execute(
        "DO $$ BEGIN FOR look IN 1..4000 LOOP "
        "EXIT WHEN pg_snapshot_xmin(pg_current_snapshot()) > (SELECT xid FROM shop.outbox ORDER BY xid DESC LIMIT 1); "
        "PERFORM pg_sleep(0.005); END LOOP; END $$");
  }

  const outbox::KeepRows::Guard guard_;
  PostgresOutbox outbox_{", xid xid8 NOT NULL DEFAULT pg_current_xact_id()"};
};

// A table that stays as it is, with a table of settled ids beside it. `order`: a column of it, or none.
class PostgresTracked final : public SourceTable {
 public:
  explicit PostgresTracked(std::string order) {
    outbox_.settings().policy = outbox::TrackRows{};
    outbox_.settings().order_by = std::move(order);
    outbox_.execute("CREATE UNIQUE INDEX ON shop.outbox (id); ALTER TABLE shop.outbox ALTER id SET NOT NULL; " +
                    outbox::create_settled_table_statement(outbox_.settings(), "uuid"));
  }
  std::unique_ptr<connectors::Source> make_source() override { return outbox_.make_source(); }
  void write(std::string_view key, int number) override { outbox_.insert(key, number); }
  bool write_malformed() override { return outbox_.insert("a", 0, ""), true; }
  std::size_t unsettled() override {
    return std::stoul(
        outbox_.value("SELECT count(*) FROM shop.outbox WHERE id NOT IN (SELECT id FROM shop.outbox_settled)"));
  }

 private:
  PostgresOutbox outbox_{", created_at timestamptz NOT NULL DEFAULT clock_timestamp()"};
};

PENSTOCK_RUN_SOURCE_CONTRACT_AS(OutboxPostgresTracked,
                                (SourceTableKind{"ByTime",
                                                 [] { return std::make_unique<PostgresTracked>("created_at"); },
                                                 [] { return reason_missing(Server::kPostgres); }}));
PENSTOCK_RUN_SOURCE_CONTRACT_AS(OutboxPostgresTrackedAsItLies,
                                (SourceTableKind{"AsItLies", [] { return std::make_unique<PostgresTracked>(""); },
                                                 [] { return reason_missing(Server::kPostgres); }}));

using Guard = outbox::KeepRows::Guard;

PENSTOCK_RUN_SOURCE_CONTRACT_AS(OutboxPostgresKept,
                                (SourceTableKind{"BehindWriters",
                                                 [] { return std::make_unique<PostgresKept>(Guard::kWriters); },
                                                 [] { return reason_missing(Server::kPostgres); }}));
PENSTOCK_RUN_SOURCE_CONTRACT_AS(OutboxPostgresByXid,
                                (SourceTableKind{"ByXid", [] { return std::make_unique<PostgresKept>(Guard::kXid); },
                                                 [] { return reason_missing(Server::kPostgres); }}));

}  // namespace
}  // namespace penstock::tests
