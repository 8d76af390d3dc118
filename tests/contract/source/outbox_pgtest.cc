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

}  // namespace
}  // namespace penstock::tests
