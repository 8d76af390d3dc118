#include "tests/contract/source/source_contract.h"
#include "tests/support/wal_outbox.h"

namespace penstock::tests {
namespace {

class WalTable final : public SourceTable {
 public:
  WalTable() { outbox_.create_publication_and_slot(); }
  std::unique_ptr<connectors::Source> make_source() override { return outbox_.make_patient_source(); }
  void write(std::string_view key, int number) override { outbox_.insert(key, number); }
  bool write_malformed() override { return outbox_.insert("a", 0, ""), true; }
  std::size_t unsettled() override { return outbox_.unsettled(); }

 private:
  WalOutbox outbox_{", tenant text DEFAULT 'acme', at timestamptz DEFAULT now()"};
};

PENSTOCK_RUN_SOURCE_CONTRACT((SourceTableKind{"Wal", [] { return std::make_unique<WalTable>(); },
                                              [] { return reason_missing(Server::kPostgres); }}));

}  // namespace
}  // namespace penstock::tests
